"""The list of clauses that failed last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trackproof.report.verify_events import PASSED, failing, other, started
from trackproof.events.verdict import ClauseResult, by_task
from trackproof.events.verification import VerifyEnded
from trackproof.verify.last_failed import NAME, LastFailedWriter, last_failed

FLEET = started(PASSED).profile


def judge(folder: Path, *results: ClauseResult, fleet: str = FLEET) -> None:
    writer = LastFailedWriter(folder)
    writer.write(replace(started(*results), profile=fleet))
    writer.write(VerifyEnded("acme", "process", "3.15.0", 1.0, by_task(results)))


def test_it_follows_each_verification(tmp_path: Path) -> None:
    folder = tmp_path / "failures"
    judge(folder, PASSED)
    assert not folder.exists()

    judge(folder, PASSED, failing(), other("unsteady"), other("deviates"))
    assert last_failed(folder, FLEET) == ("finalize.unsteady", "merge_transcripts.sorted")

    judge(folder, other("error"))
    judge(folder, replace(failing(), status="passed"))
    assert last_failed(folder, FLEET) == ("finalize.error", "finalize.unsteady")


def test_fleets_have_lists_of_their_own(tmp_path: Path) -> None:
    judge(tmp_path, failing())
    judge(tmp_path, other("error"), fleet="other.toml")

    assert last_failed(tmp_path, FLEET) == ("merge_transcripts.sorted",)
    assert last_failed(tmp_path, "other.toml") == ("finalize.error",)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_list_is_empty(content: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(content)

    assert last_failed(tmp_path, FLEET) == ()
