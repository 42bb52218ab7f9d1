from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.unit.trackproof.report.verify_events import (
    PASSED,
    failing,
    other,
    started,
    verification,
)
from trackproof.events.stream import Event
from trackproof.events.verification import ClauseFinished
from trackproof.verify.failure_store import FailureWriter, find_failure, stored_failures


def write(folder: Path, events: Iterable[Event]) -> None:
    writer = FailureWriter(folder)
    for event in events:
        writer.write(event)


def test_a_failed_clause_is_stored_when_it_finishes(tmp_path: Path) -> None:
    writer = FailureWriter(tmp_path / "failures")

    writer.write(started(PASSED, failing()))
    writer.write(ClauseFinished(PASSED))
    assert not (tmp_path / "failures").exists()
    writer.write(ClauseFinished(failing()))

    [failure] = stored_failures(tmp_path / "failures")
    assert failure == find_failure(tmp_path / "failures", "merge_transcripts.sorted")
    assert failure.test == "test_merge_transcripts.py::test_order[reversed]"
    assert failure.id_seed == "1795653142-6eca032aa04b"
    assert failure.fleet == "/srv/acme.toml"
    [sent] = failure.inputs
    assert sent["task"] == "merge_transcripts"
    assert sent["sent"]["transcripts"] == {"track_10": {"words": []}}


def test_stored_failures_are_ignored_by_git(tmp_path: Path) -> None:
    write(tmp_path, verification(failing()))

    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_the_same_failure_is_stored_once(tmp_path: Path) -> None:
    write(tmp_path, verification(failing()))
    write(tmp_path, verification(failing()))

    assert len(stored_failures(tmp_path)) == 1


def test_only_failed_clauses_are_stored(tmp_path: Path) -> None:
    write(tmp_path, verification(other("error"), other("deviates"), other("skipped")))

    assert stored_failures(tmp_path) == []
