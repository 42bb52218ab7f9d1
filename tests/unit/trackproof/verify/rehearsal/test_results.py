"""The verdict of a rehearsal, its table and its reports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trackproof.cli import app
from trackproof.errors import UsageError
from trackproof.fleet import REFERENCE
from trackproof.fleet.profile import Position
from trackproof.verify.rehearsal import MeetingResult, Rehearsal, RehearsalOptions, StageResult
from trackproof.verify.rehearsal import rehearse as run_rehearsal
from trackproof.verify.rehearsal.judgement import switch_faults
from trackproof.verify.rehearsal.rehearsal import check_profile, shares_of

GOOD = MeetingResult("rec-1", "t-1", ("legacy",), 2.5)
STAGES = tuple(
    StageResult(name, (GOOD,), 3.0) for name in ("legacy", "shadow", "fallback", "conductor")
)
MOVE = Rehearsal("mine", "3.15.0 (process)", STAGES, 60.0)


def with_first_stage(**changes: Any) -> Rehearsal:
    return replace(MOVE, stages=(replace(STAGES[0], **changes), *STAGES[1:]))


def test_a_move_without_a_problem_is_a_go() -> None:
    assert MOVE.go
    assert MOVE.headline == "GO: 4 meetings, 0 lost, 0 doubled, 0 mismatched"


@pytest.mark.parametrize("kind", ["lost", "doubled", "mismatched"])
def test_one_problem_of_one_meeting_is_a_no_go(kind: str) -> None:
    problem: dict[str, Any] = {kind: "why"}
    move = with_first_stage(meetings=(GOOD, replace(GOOD, **problem)))

    assert not move.go
    assert f"NO-GO: 5 meetings, {'1' if kind == 'lost' else '0'} lost" in move.headline
    assert move.totals[kind] == 1
    assert move.totals["out"] == (4 if kind == "lost" else 5)


def test_a_fault_of_a_stage_and_a_stage_without_a_meeting_are_a_no_go() -> None:
    assert not with_first_stage(faults=("1 message",)).go
    assert not with_first_stage(meetings=()).go
    assert not replace(MOVE, stages=()).go


def test_meetings_are_spread_over_the_stages() -> None:
    assert shares_of(4) == {"legacy": 1, "shadow": 1, "fallback": 1, "conductor": 1}
    assert shares_of(6) == {"legacy": 2, "shadow": 2, "fallback": 1, "conductor": 1}


def test_too_few_meetings_are_refused() -> None:
    with pytest.raises(UsageError, match="each of the 4 stages"):
        run_rehearsal(RehearsalOptions(meetings=3))


@pytest.mark.parametrize("key", ["legacy_command", "recording_sql"])
def test_a_profile_that_lacks_a_part_of_the_move_is_refused(key: str) -> None:
    assert REFERENCE.trigger is not None
    empty: Any = () if key == "legacy_command" else ""
    profile = replace(REFERENCE, trigger=replace(REFERENCE.trigger, **{key: empty}))

    with pytest.raises(UsageError, match=f"lacks what a rehearsal needs: .*{key}"):
        check_profile(profile)


def test_a_profile_without_a_trigger_or_a_shadow_query_is_refused() -> None:
    with pytest.raises(UsageError, match=r"has no \[trigger\]"):
        check_profile(replace(REFERENCE, trigger=None))
    with pytest.raises(UsageError, match="shadow_sql"):
        check_profile(replace(REFERENCE, shadow_sql=""))


@pytest.mark.parametrize("lost", ["", "<script>alert(1)</script>"])
def test_the_command_prints_a_table_and_writes_both_reports(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = with_first_stage(meetings=(replace(GOOD, lost=lost),))
    monkeypatch.setattr("trackproof.verify.rehearsal.rehearse", lambda *_: move)
    page, document = tmp_path / "move.html", tmp_path / "move.json"

    result = CliRunner().invoke(app, ["rehearse", "--json", str(document), "--html", str(page)])

    assert result.exit_code == (1 if lost else 0), result.output
    assert ("NO-GO" in result.output) is bool(lost)
    [row] = [line.split() for line in result.output.splitlines() if line.startswith("legacy")]
    assert row == ["legacy", "1", *("01" if lost else "10"), "0", "0", "3.0"]
    data = json.loads(document.read_text())
    assert data["go"] is not bool(lost)
    assert data["stages"][0]["meetings"][0]["lost"] == lost
    assert "<script>" not in page.read_text()
    assert move.headline in page.read_text()


@pytest.mark.parametrize(
    ("stage", "pipelines", "fault"),
    [
        ("legacy", ("legacy",), ""),
        ("legacy", ("w-1",), "a workflow was started"),
        ("shadow", ("legacy", "w-1"), ""),
        ("shadow", ("legacy",), "no workflow was seen"),
        ("shadow", ("w-1",), "the legacy pipeline was not started"),
        ("fallback", ("legacy",), ""),
        ("fallback", ("w-1",), "no meeting of the outage"),
        ("conductor", ("w-1",), ""),
        ("conductor", (), "no workflow was seen"),
        ("conductor", ("legacy", "w-1"), "the legacy pipeline was started"),
    ],
)
def test_a_switch_that_is_not_obeyed_is_a_fault(
    stage: Position, pipelines: tuple[str, ...], fault: str
) -> None:
    found = list(switch_faults(stage, [replace(GOOD, pipelines=pipelines)]))

    assert [fault in text for text in found] == ([True] if fault else [])
