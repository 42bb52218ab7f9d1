"""Verbs that look something up: versions, clauses, stored failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from tests.unit.trackproof.report.verify_events import PASSED
from tests.unit.trackproof.verify.test_failure_store import failure
from trackproof.contracts.compat.release_document import working_version
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.verify import replay
from trackproof.verify.failure_store import Failure, store, stored_failures
from trackproof.verify.replay import Replay


def test_the_version_names_product_and_contracts() -> None:
    code, output = trackproof("--version")

    assert code == 0
    assert output.startswith("trackproof 0.")
    assert f"contracts {working_version(ROOT)}" in output


def test_a_list_never_truncates_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    _, output = trackproof("contracts", "list")

    assert all(clause.id in output for clause in load_contracts().clauses)


def test_a_list_can_be_limited_to_one_task() -> None:
    _, output = trackproof("contracts", "list", "--task", "finalize")

    assert "finalize.status" in output
    assert "pad_track" not in output
    assert trackproof("contracts", "list", "--task", "finalise")[0] == 2


def test_a_clause_is_shown_with_its_command() -> None:
    code, output = trackproof("contracts", "show", "pad_track.offset")

    assert code == 0
    assert "trackproof verify --only pad_track.offset" in output


def test_an_unknown_clause_names_similar_ones() -> None:
    code, output = trackproof("contracts", "show", "pad_track.offse")

    assert code == 2
    assert "similar: pad_track.offset" in output


def test_fixed_failures_are_removed_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pad_track.offset-0a1b2c", "finalize.status-0a1b2c"):
        store(tmp_path, failure(name))

    def fixed_if_pad_track(stored: Failure, *_: object) -> Replay:
        is_fixed = stored.id.startswith("pad_track")
        return Replay(stored, PASSED if is_fixed else replace(PASSED, status="failed"))

    monkeypatch.setattr(replay, "replay", fixed_if_pad_track)

    code, output = trackproof("replay", "--all", "--failures", str(tmp_path))

    assert code == 1
    assert "FIXED: pad_track" in output
    assert "STILL FAILING: finalize" in output
    assert [one.id for one in stored_failures(tmp_path)] == ["finalize.status-0a1b2c"]
