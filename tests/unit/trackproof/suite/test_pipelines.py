"""Checks of whole meetings as assertions of clauses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tests.unit.trackproof.runs.recorded_runs import good_run
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.unavailable import NotVisible, unavailable_row
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.pipelines import CheckedRun


@pytest.fixture
def checked() -> CheckedRun:
    """Return the checks of a good run whose row is not visible and whose mixdown is missing."""
    evidence = replace(good_run(), transcript=unavailable_row(), mixdown=None)
    return CheckedRun(cast("PipelineRun", SimpleNamespace(evidence=evidence, name="meeting")))


def test_a_check_on_an_invisible_row_is_not_judged(checked: CheckedRun) -> None:
    with pytest.raises(NotVisible, match="does not expose the transcript's row") as caught:
        checked.expect("database.result")

    assert caught.value.part == "rows"


def test_other_checks_are_judged(checked: CheckedRun) -> None:
    checked.expect("words.complete", "webhook.signature")
    with pytest.raises(ClauseViolation):
        checked.expect("mixdown.words")
