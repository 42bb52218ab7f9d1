"""Checks of whole meetings as assertions of clauses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tests.unit.trackproof.runs.recorded_runs import good_run
from trackproof.errors import TrackproofError
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.unavailable import NotVisible, unavailable_row
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import CheckedRun, expect_registered


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


def test_every_clause_names_one_cause_of_a_refused_registration() -> None:
    refusal = TrackproofError("refused", evidence="400: no owner")
    harness = cast("Harness", SimpleNamespace(registration_error=refusal))

    for _ in range(2):
        with pytest.raises(ClauseViolation, match="refused: 400: no owner") as caught:
            expect_registered(harness)
        assert caught.value.__cause__ is refusal
