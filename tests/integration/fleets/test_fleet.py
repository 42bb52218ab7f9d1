"""A started fleet: seeds, polls, and errors with the fleet's own output."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from trackproof.errors import FleetError
from trackproof.fleet import REFERENCE, Fleet, FleetProfile, seeders
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.wait import wait_until

Start = Callable[..., Fleet]

IDLE = "import time; time.sleep(600)"
ECHO = "import json, sys; print(json.dumps({'got': json.load(sys.stdin)['transcript']['id']}))"


def profile(command: str = IDLE, seed: str = ECHO) -> FleetProfile:
    return replace(
        REFERENCE,
        name="sample",
        command=(sys.executable, "-c", command),
        seed_command=(sys.executable, "-c", seed),
        seed_lines=False,
        ready_seconds=0.5,
    )


class FakePolls:
    """A fake Conductor with poll data."""

    def __init__(self, *entries: tuple[str, float]) -> None:
        self._entries = entries

    def poll_data(self, _tasks: object = ()) -> list[dict[str, Any]]:
        return [{"queueName": name, "lastPollTime": at * 1000} for name, at in self._entries]


def conductor_with(*entries: tuple[str, float]) -> ConductorRest:
    return cast("ConductorRest", FakePolls(*entries))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Fleet] = []

    def of(
        command: str = IDLE, seed: str = ECHO, environment: dict[str, str] | None = None
    ) -> Fleet:
        started.append(Fleet(profile(command, seed), environment or {}, tmp_path))
        return started[-1]

    yield of
    for fleet in started:
        fleet.stop()


def wait_for_exit(fleet: Fleet) -> Fleet:
    """Wait until the fleet has exited."""

    def has_exited() -> bool:
        try:
            fleet.check_alive()
        except FleetError:
            return True
        return False

    wait_until(has_exited, what="the fleet to exit", timeout=20, interval=0.01)
    return fleet


def test_seed_passes_the_meeting_and_returns_the_ids(start: Start) -> None:
    assert start().seed({"transcript": {"id": "transcript-1"}}) == {"got": "transcript-1"}


def test_seed_command_has_the_fleets_environment_and_folder(start: Start, tmp_path: Path) -> None:
    seed = "import json, os; print(json.dumps([os.environ['COLOUR'], os.getcwd()]))"

    answer: object = start(seed=seed, environment={"COLOUR": "green"}).seed({})

    assert answer == ["green", str(tmp_path)]


def test_failed_seed_command_is_an_error_with_its_stderr(start: Start) -> None:
    fleet = start(seed="import sys; print('no table rooms', file=sys.stderr); sys.exit(3)")

    with pytest.raises(FleetError, match="seed command of fleet 'sample' exited with 3") as caught:
        fleet.seed({})

    assert caught.value.evidence == "no table rooms"


def test_seed_command_without_json_is_an_error(start: Start) -> None:
    with pytest.raises(FleetError, match="'sample' printed no ids"):
        start(seed="print('done!')").seed({})


def test_seed_command_has_a_time_limit(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeders, "SEED_SECONDS", 0.1)

    with pytest.raises(FleetError, match="'sample' printed no ids") as caught:
        start(seed=IDLE).seed({})

    assert "timed out after 0.1 s" in caught.value.evidence


def test_missing_seed_command_is_an_error(tmp_path: Path) -> None:
    missing = replace(profile(), seed_command=("/no/such/command",))
    fleet = Fleet(missing, {}, tmp_path)
    fleet.stop()

    with pytest.raises(FleetError, match="'sample' cannot be started") as caught:
        fleet.seed({})

    assert "/no/such/command" in caught.value.evidence


def test_dead_fleet_is_an_error_with_the_end_of_its_log(start: Start) -> None:
    fleet = wait_for_exit(
        start("print('line\\n' * 40); print('no disk left'); raise SystemExit(7)")
    )

    with pytest.raises(FleetError, match="fleet 'sample' died with exit code 7") as caught:
        fleet.check_alive()

    lines = caught.value.evidence.splitlines()
    assert len(lines) == 30
    assert lines[-1] == "no disk left"
    assert len(fleet.log().splitlines()) == 42


def test_wait_ends_when_every_task_type_is_polled(start: Start) -> None:
    later = time.time() + 60
    conductor = conductor_with(("pad_track", later), ("post_zulip", later), ("other", later))

    start().wait_until_polling(conductor, ["pad_track", "post_zulip"])


def test_missing_polls_are_an_error_with_the_task_types(start: Start) -> None:
    now = time.time()
    # The poll for post_zulip is older than this fleet.
    conductor = conductor_with(("pad_track", now + 60), ("post_zulip", now - 60))

    with pytest.raises(FleetError) as caught:
        start().wait_until_polling(conductor, ["post_zulip", "pad_track", "mixdown_tracks"])

    assert caught.value.what == "fleet 'sample' does not poll: mixdown_tracks, post_zulip"
    assert "a worker for each" in caught.value.hint


def test_wait_for_a_dead_fleet_ends_at_once(start: Start) -> None:
    fleet = wait_for_exit(start("raise SystemExit('wrong URL')"))

    with pytest.raises(FleetError, match="died with exit code 1") as caught:
        fleet.wait_until_polling(conductor_with(), ["pad_track"])

    assert caught.value.evidence == "wrong URL"


LINES = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"got": json.loads(line)["id"]}), flush=True)
"""


def test_line_seeder_reads_one_line_per_meeting(tmp_path: Path) -> None:
    fleet = Fleet(replace(profile(seed=LINES), seed_lines=True), {}, tmp_path)
    try:
        assert [fleet.seed({"id": name}) for name in "ab"] == [{"got": "a"}, {"got": "b"}]
    finally:
        fleet.stop()


def test_exited_line_seeder_is_an_error_with_its_stderr(tmp_path: Path) -> None:
    seed = "import sys; sys.stdin.readline(); sys.exit('no table rooms')"
    fleet = Fleet(replace(profile(seed=seed), seed_lines=True), {}, tmp_path)
    try:
        with pytest.raises(FleetError, match="'sample' printed no ids") as caught:
            fleet.seed({"id": "a"})
    finally:
        fleet.stop()

    assert caught.value.evidence == "no table rooms"


def test_only_polls_in_the_fleets_domain_count(tmp_path: Path) -> None:
    later = time.time() + 60
    conductor = conductor_with(("mine:pad_track", later), ("post_zulip", later))
    fleet = Fleet(replace(profile(), domain="mine"), {}, tmp_path)
    try:
        fleet.wait_until_polling(conductor, ["pad_track"])
        with pytest.raises(FleetError, match="not poll in domain 'mine': post_zulip") as caught:
            fleet.wait_until_polling(conductor, ["pad_track", "post_zulip"])
    finally:
        fleet.stop()

    assert "domains in which they are polled: none" in caught.value.evidence
    assert "`domain`" in caught.value.hint


def test_migration_runs_once_before_the_fleet(tmp_path: Path) -> None:
    migrate = "import os; open(os.environ['MARK'], 'a').write('migrated ')"
    start_of_fleet = "import os; print(open(os.environ['MARK']).read(), flush=True)"
    sample = replace(
        profile(start_of_fleet), migrate_command=(sys.executable, "-c", migrate), seed_command=()
    )
    fleet = wait_for_exit(Fleet(sample, {"MARK": str(tmp_path / "mark")}, tmp_path))
    fleet.stop()

    assert fleet.log() == "migrated \n"


def test_database_that_is_migrated_is_not_migrated_again(tmp_path: Path) -> None:
    sample = replace(profile(), migrate_command=(sys.executable, "-c", "raise ValueError"))

    fleet = Fleet(sample, {}, tmp_path, migrated=True)

    fleet.stop()


def test_failed_migration_is_an_error_with_its_output(tmp_path: Path) -> None:
    migrate = "print('applying 0001'); raise ValueError('no such column')"
    sample = replace(profile(), migrate_command=(sys.executable, "-c", migrate))

    with pytest.raises(FleetError, match="migrate_command of fleet 'sample' exited") as caught:
        Fleet(sample, {}, tmp_path)

    first, *others = caught.value.evidence.splitlines()
    assert first == "ValueError: no such column"
    assert "applying 0001" in others
