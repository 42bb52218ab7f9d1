"""A run of one meeting: which fleets can be run, and what is not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, UsageError
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Event
from trackproof.fleet import REFERENCE, load_profile
from trackproof.fleet.profile import Invisible
from trackproof.verify import bench
from trackproof.verify.declared import as_declared
from trackproof.verify.meeting_check import RunOptions, check_meeting

UNSEEN = Check("database.events", False, "the profile does not expose events", "events")
TODAY = date(2026, 11, 28)


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)


def test_a_fleet_that_serves_a_part_cannot_run_a_whole_meeting() -> None:
    part = replace(REFERENCE, name="part", serves=("pad_track", "mixdown_tracks"))
    recorder = Recorder()

    with pytest.raises(UsageError, match="needs all 15 task types, but fleet 'part' serves 2") as e:
        check_meeting(RunOptions(fleet=part), [recorder])

    assert "trackproof verify" in e.value.hint
    [ended] = recorder.events
    assert isinstance(ended, RunEnded)
    assert ended.interrupted.startswith("a whole meeting needs all 15 task types")
    assert not ended.passed


def test_a_fleet_that_serves_every_task_type_serves_all(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    names = ", ".join(f'"{name}"' for name in load_contracts().tasks)
    path.write_text(f'name = "whole"\ncommand = ["true"]\nserves = [{names}]\n')

    assert load_profile(path).serves == ()


@pytest.mark.parametrize(
    ("declared", "status", "detail"),
    [
        ({}, "failed", "not judged: the profile does not expose events; expose it, or declare"),
        ({"events": Invisible("none are kept")}, "not_visible", "not visible: none are kept"),
        (
            {"events": Invisible("later", date(2026, 11, 27))},
            "failed",
            "declared until 2026-11-27: later",
        ),
        ({"events": Invisible("later", TODAY)}, "not_visible", "not visible: later"),
    ],
)
def test_invisible_data_is_accepted_as_the_profile_declares_it(
    declared: dict[str, Invisible], status: str, detail: str
) -> None:
    profile = replace(REFERENCE, not_visible=declared)  # type: ignore[arg-type]

    check = as_declared(UNSEEN, profile, TODAY)

    assert check.status == status
    assert detail in check.detail


def test_an_error_leaves_reports_of_an_early_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TestbedError("no usable Conductor answers at http://127.0.0.1:9/api")

    monkeypatch.setattr(bench, "start_testbed", fail)
    recorder = Recorder()

    with pytest.raises(TestbedError, match="no usable Conductor answers"):
        check_meeting(RunOptions(seconds=4, tracks=1), [recorder])

    ends: Sequence[Event] = [one for one in recorder.events if isinstance(one, RunEnded)]
    assert len(ends) == 1
    assert isinstance(ends[0], RunEnded)
    assert ends[0].headline.startswith("INTERRUPTED: no workflow started")
