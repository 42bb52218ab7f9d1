"""A scenario of the product's switch: a check for each way in which a meeting goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.trackproof.verify.test_meeting_check import Recorder
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Note
from trackproof.fleet import REFERENCE
from trackproof.scenarios import find_scenario
from trackproof.verify import stage_check
from trackproof.verify.meeting_check import RunOptions
from trackproof.verify.rehearsal import RehearsalOptions
from trackproof.verify.rehearsal.results import MeetingResult, Rehearsal, StageResult
from trackproof.verify.stage_check import check_stages
from trackproof.verify.stream import Stream


def meeting(**problems: str) -> MeetingResult:
    return MeetingResult("recording-1", "transcript-1", ("legacy",), 3.0, **problems)


@pytest.mark.parametrize(
    ("result", "faults", "failed"),
    [
        (meeting(), (), []),
        (meeting(lost="no webhook"), (), ["shadow.lost"]),
        (
            meeting(doubled="2 messages", mismatched="a word"),
            (),
            ["shadow.doubled", "shadow.mismatched"],
        ),
        (meeting(), ("no shadow run was started",), ["shadow.switch"]),
    ],
)
def test_each_problem_fails_its_own_check(
    result: MeetingResult,
    faults: tuple[str, ...],
    failed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[RehearsalOptions] = []

    def rehearse(options: RehearsalOptions, report: Callable[[str], None]) -> Rehearsal:
        asked.append(options)
        report("stage shadow: 1 meetings")
        stage = StageResult("shadow", (result,), 4.0, faults)
        return Rehearsal("mine", "3.15.0 (process)", (stage,), 9.0)

    monkeypatch.setattr(stage_check, "rehearse", rehearse)
    recorder = Recorder()

    ended = check_stages(find_scenario("shadow-run"), REFERENCE, RunOptions(), Stream([recorder]))

    assert [check.id for check in ended.failed_checks] == failed
    assert ended.passed == (not failed)
    assert [type(one) for one in recorder.events] == [Note, *[Check] * 4, RunEnded]
    [options] = asked
    assert (options.stages, options.meetings, options.seconds) == (("shadow",), 1, 8.0)
