"""What makes judging senseless is found before anything is judged."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
import respx

from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError, TestbedError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.lab import Testbed, free_port
from trackproof.suite import preflight
from trackproof.suite.preflight import PreflightResult, before_the_fleet, refuse, with_the_fleet
from trackproof.testbed.conductor.rest import ConductorRest

API = "http://127.0.0.1:1/api"
TASKS = sorted(load_contracts().tasks)
PLAIN = FleetProfile(name="sample", attach=True)

Polls = list[tuple[str, str, float]]
"""Queue, worker, epoch seconds."""


class Server:
    """Stands for a Conductor that is polled."""

    api_url = API

    def __init__(self, polls: Callable[[], Polls]) -> None:
        self._polls = polls

    def poll_data(self, _tasks: object = ()) -> list[dict[str, Any]]:
        return [
            {"queueName": queue, "workerId": worker, "lastPollTime": at * 1000}
            for queue, worker, at in self._polls()
        ]


def bed_with(polls: Callable[[], Polls], *, port: int = 0, version: str = "3.15.0") -> Testbed:
    variables = {"conductor.api_url": API, "s3.endpoint": f"http://127.0.0.1:{port or 1}"}
    return cast(
        "Testbed",
        SimpleNamespace(
            rest=cast("ConductorRest", Server(polls)),
            conductor=SimpleNamespace(version=version, backend="url"),
            served=SimpleNamespace(root_url="http://127.0.0.1:1"),
            variables=lambda: variables,
        ),
    )


@pytest.fixture(autouse=True)
def enforcement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake a server that enforces no schemas."""
    monkeypatch.setattr(preflight, "enforces_schemas", lambda _: False)


@pytest.fixture(autouse=True)
def definitions() -> Iterator[respx.MockRouter]:
    """Serve the contracts' definitions, as a server that holds them."""
    contracts = load_contracts()
    workflow = contracts.workflow
    with respx.mock(assert_all_called=False) as server:
        server.get(f"{API}/metadata/taskdefs").respond(json=contracts.task_definitions())
        server.get(url__startswith=f"{API}/metadata/workflow/{workflow['name']}").respond(
            json=dict(workflow)
        )
        server.get("http://127.0.0.1:1/health").respond(headers={"Date": formatdate(usegmt=True)})
        yield server


def about(what: str, findings: Iterator[PreflightResult]) -> list[PreflightResult]:
    return [finding for finding in findings if finding.about == what]


def nobody() -> Polls:
    return []


def polled(*queues: str) -> Callable[[], Polls]:
    return lambda: [(queue, "w", time.time() + 60) for queue in queues]


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(PLAIN, {}, tmp_path)


def test_a_fleet_that_polls_every_task_type_passes(fleet: Fleet) -> None:
    found = list(with_the_fleet(bed_with(polled(*TASKS)), fleet, TASKS))

    assert [finding for finding in found if not finding.good] == []
    assert found[0].text == f"{len(TASKS)} of {len(TASKS)} task types are polled"
    refuse(PLAIN, found)


def test_unpolled_task_types_are_named_in_one_line(fleet: Fleet) -> None:
    found = list(with_the_fleet(bed_with(polled("pad_track")), fleet, TASKS[:2]))

    with pytest.raises(FleetError) as caught:
        refuse(PLAIN, found, "its log")

    assert caught.value.what == (
        f"fleet 'sample' cannot be judged: not polled: {', '.join(TASKS[:2])}"
    )
    assert (caught.value.evidence, caught.value.exit_code) == ("its log", 2)


def test_unknown_task_types_are_fatal_unless_declared(fleet: Fleet, tmp_path: Path) -> None:
    testbed = bed_with(polled(*TASKS, "resize"))

    (unknown,) = [one for one in with_the_fleet(testbed, fleet, TASKS) if not one.good]
    assert (unknown.fatal, "resize" in unknown.text) == (True, True)

    named = Fleet(replace(PLAIN, other_tasks=("resize",)), {}, tmp_path)
    assert [one for one in with_the_fleet(testbed, named, TASKS) if not one.good] == []


def test_definitions_that_differ_from_the_contracts_are_reported_field_by_field(
    fleet: Fleet, definitions: respx.MockRouter
) -> None:
    wrong = [
        {**task, "retryCount": 7} if task["name"] == "pad_track" else task
        for task in load_contracts().task_definitions()
        if task["name"] != "finalize"
    ]
    definitions.get(f"{API}/metadata/taskdefs").respond(json=wrong)
    name = load_contracts().workflow["name"]
    definitions.get(url__startswith=f"{API}/metadata/workflow/{name}").respond(404)

    found = about("definitions", with_the_fleet(bed_with(polled(*TASKS)), fleet, TASKS))

    assert [finding.text for finding in found] == [
        "finalize: is not registered",
        "pad_track: retryCount is 7, not 3",
        "workflow diarization_pipeline/1 is not registered",
    ]
    assert not any(finding.fatal or finding.good for finding in found)


def test_a_workflow_that_differs_is_reported_step_by_step_and_field_by_field(
    fleet: Fleet, definitions: respx.MockRouter
) -> None:
    workflow = deepcopy(dict(load_contracts().workflow))
    first, *others = workflow["tasks"]
    telling = next(task for task in others if task["name"] == "post_zulip")
    del telling["optional"]
    workflow |= {"timeoutSeconds": 60, "tasks": others}
    definitions.get(url__startswith=f"{API}/metadata/workflow/{workflow['name']}").respond(
        json=workflow
    )

    found = about("definitions", with_the_fleet(bed_with(polled(*TASKS)), fleet, TASKS))

    name = "workflow diarization_pipeline/1"
    assert [finding.text for finding in found] == [
        f"{name}: step {first['taskReferenceName']} is missing",
        f"{name}: timeoutSeconds is 60, not 28800",
        f"{name}: post_zulip.optional is null, not true",
    ]


def test_workers_that_poll_before_the_fleet_starts_are_fatal() -> None:
    foreign = FleetProfile(name="sample", command=("x",))
    testbed = bed_with(lambda: [("pad_track", "worker-7", time.time())])

    (finding,) = about("pollers", before_the_fleet(testbed, foreign))

    assert finding.fatal
    assert "pad_track: worker-7" in finding.text


def test_an_earlier_fleet_that_no_longer_polls_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "FOREIGN_SECONDS", 0.3)
    last = time.time()
    testbed = bed_with(lambda: [("pad_track", "worker-7", last)])

    (finding,) = about("pollers", before_the_fleet(testbed, FleetProfile("a", command=("x",))))

    assert finding.good


def test_an_attached_fleet_may_poll_before(monkeypatch: pytest.MonkeyPatch) -> None:
    testbed = bed_with(lambda: [("pad_track", "worker-7", time.time())])

    (finding,) = about("pollers", before_the_fleet(testbed, PLAIN))

    assert finding.good


@pytest.mark.parametrize(("ahead", "word"), [(90, "ahead of"), (-90, "behind")])
def test_a_server_clock_that_is_off_is_reported(
    ahead: float, word: str, definitions: respx.MockRouter
) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)
    definitions.get("http://127.0.0.1:1/health").respond(headers={"Date": date})

    (finding,) = about("clock", before_the_fleet(bed_with(nobody), PLAIN))

    assert finding.fatal
    assert word in finding.text


def test_closed_ports_and_unknown_versions_are_reported() -> None:
    found = list(before_the_fleet(bed_with(nobody, port=free_port(), version="4.0"), PLAIN))

    ports, version = about("ports", iter(found))[0], about("versions", iter(found))[0]
    assert ports.fatal
    assert "s3.endpoint at 127.0.0.1" in ports.text
    assert not version.good
    assert "3.15.0" in version.text


def started_and_awaited(profile: FleetProfile, folder: Path) -> None:
    started = Fleet(profile, {}, folder)
    try:
        started.wait_until_polling(cast("ConductorRest", Server(nobody)), TASKS)
    finally:
        started.stop()


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (("/no/such/program",), "program '/no/such/program' does not exist"),
        ((sys.executable, "-c", "pass"), "ended with exit code 0"),
        ((sys.executable, "-c", "raise SystemExit('no URL')"), "died with exit code 1"),
        (
            (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"),
            "polls no task",
        ),
    ],
)
def test_a_fleet_that_does_not_start_is_reported_in_one_line(
    command: tuple[str, ...], what: str, tmp_path: Path
) -> None:
    profile = FleetProfile(
        name="sample", command=command, ready_seconds=20 if "exit" in what else 1
    )

    with pytest.raises(FleetError) as caught:
        started_and_awaited(profile, tmp_path)

    assert what in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_fleet_with_other_task_names_gets_the_lines_for_its_profile(fleet: Fleet) -> None:
    slow = replace(PLAIN, ready_seconds=0.2)
    fleet.profile = slow
    server = cast("ConductorRest", Server(polled("PadTrack")))

    with pytest.raises(FleetError) as caught:
        fleet.wait_until_polling(server, ["pad_track"])

    assert "unknown task types: PadTrack" in caught.value.what
    assert '[tasks.pad_track] name = "PadTrack"' in caught.value.hint


def test_other_workers_count_in_the_fleets_domain_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "FOREIGN_SECONDS", 0.3)
    mine = FleetProfile(name="sample", command=("x",), domain="mine")

    def polled_in(domain: str) -> PreflightResult:
        bed = bed_with(lambda: [(f"{domain}pad_track", "w", time.time())])
        [found] = about("pollers", before_the_fleet(bed, mine))
        return found

    assert polled_in("").good
    assert polled_in("other:").good
    assert not polled_in("mine:").good


def test_workflow_of_a_fleet_that_serves_a_part_is_not_compared(
    tmp_path: Path, definitions: respx.MockRouter
) -> None:
    definitions.get(url__startswith=f"{API}/metadata/workflow/").respond(404)
    part = Fleet(replace(PLAIN, serves=("pad_track",)), {}, tmp_path)

    found = with_the_fleet(bed_with(polled("pad_track")), part, ["pad_track"])

    assert [one for one in found if not one.good] == []


def _fails(_: str) -> NoReturn:
    raise TestbedError("Conductor did not answer")


@pytest.mark.parametrize(
    ("tried", "good", "text"),
    [
        (lambda _: False, True, "the server enforces no schemas"),
        (
            lambda _: True,
            True,
            "the server enforces schemas; the suite registers with enforceSchema false",
        ),
        (_fails, False, "enforcement cannot be tried: Conductor did not answer"),
    ],
)
def test_it_says_whether_the_server_enforces_schemas(
    tried: Callable[[str], bool], good: bool, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "enforces_schemas", tried)

    (finding,) = about("schemas", before_the_fleet(bed_with(nobody), PLAIN))

    assert (finding.good, finding.fatal, finding.text) == (good, False, text)
