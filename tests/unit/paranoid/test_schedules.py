"""Schedules have a text that repeats them, and failing ones are shrunk."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.faults.lane import Lane
from tests.paranoid.machine import find_failure
from tests.paranoid.runner import main
from tests.paranoid.schedule import ACTS, TASKS, Schedule, base_schedules
from trackproof.errors import UsageError


@pytest.mark.parametrize(
    "text", ["", "pad_track:twice", "all:twice", "pad_track:twice,all:killed", "finalize:unsent"]
)
def test_a_text_repeats_its_schedule(text: str) -> None:
    schedule = Schedule.parse(text)
    assert Schedule.parse(str(schedule)) == schedule


def test_the_base_schedules_do_everything_to_every_task() -> None:
    acts = frozenset[tuple[str, str]]().union(*(one.acts for one in base_schedules()))
    assert acts == {(task, act) for task in TASKS for act in ACTS}
    assert [str(one) for one in base_schedules()] == [f"all:{act}" for act in ACTS]


@pytest.mark.parametrize("text", ["pad:twice", "pad_track:thrice", "pad_track"])
def test_an_unknown_part_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="no part of a schedule"):
        Schedule.parse(text)


def test_the_smallest_failing_schedule_is_found_and_repeated_by_its_seed() -> None:
    held: list[Schedule] = []

    def problems(schedule: Schedule) -> list[str]:
        held.append(schedule)
        return ["two messages"] if "killed" in str(schedule) else []

    failure = find_failure(problems, number=40, seed_of=1)

    assert failure is not None
    assert failure.problems == ["two messages"]
    assert len(failure.schedule.acts) == 1
    assert len(held) == len(set(held)), "no schedule runs twice"
    again = find_failure(problems, number=40, seed_of=1)
    assert again is not None
    assert again.schedule == failure.schedule


def test_an_unknown_act_ends_with_its_hint_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Lane, "started", lambda *_, **__: nullcontext())
    assert main(["--schedule", "post_zulip:lost"]) == 2
    assert "use TASK:ACT or all:ACT" in capsys.readouterr().err


def test_schedules_that_hold_are_no_failure() -> None:
    held: list[Schedule] = []

    def problems(schedule: Schedule) -> list[str]:
        held.append(schedule)
        return []

    assert find_failure(problems, number=5, seed_of=2) is None
    assert held
