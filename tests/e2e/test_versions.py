"""Behaviour on every server version; in one file, because servers are slow to start."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest

from reference_workers.platform.client import ConductorClient, ConductorRefusedError
from trackproof.contracts.bundle import Schema
from trackproof.contracts.load import load_contracts, with_dialect, without_descriptions
from trackproof.testbed.conductor import VERSIONS, ConductorRest, ConductorServer, register
from trackproof.testbed.conductor.schema_enforcement import enforces_schemas, stop_enforcement
from trackproof.verify.meeting_check import RunOptions, check_meeting
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

# Every run covers the newer versions; other tests cover 3.15.0; the nightly run has every pair.
EVERY_RUN = {("3.21.14", 3), ("3.32.3", 3)}
MEETINGS = [
    pytest.param(*pair, 12)
    if pair in EVERY_RUN
    else pytest.param(*pair, 30, marks=pytest.mark.nightly)
    for pair in itertools.product(VERSIONS, (1, 3, 8, 16))
]

OWNER = {"ownerEmail": "owner@example.org"}
NAME = f"client_{uuid.uuid4().hex[:8]}"
PERSISTENT = {"3.32.3"}
"""The testbed starts the other versions with in-memory storage."""


@pytest.mark.parametrize(("version", "tracks", "seconds"), MEETINGS)
def test_every_check_of_a_meeting_passes(
    version: str, tracks: int, seconds: float, conductor_of: Callable[[str], ConductorServer]
) -> None:
    options = RunOptions(
        tracks=tracks, seconds=seconds, seed=tracks, conductor=conductor_of(version).api_url
    )

    ended = check_meeting(options, [])

    assert ended.failed_checks == ()
    assert ended.status == "COMPLETED"
    assert ended.version == version


@pytest.fixture(params=sorted(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> Iterator[ConductorClient]:
    """Return a client of a server with a workflow of one task that no worker polls."""
    url = conductor_of(version).api_url
    task = {"name": NAME, "taskReferenceName": "only", "type": "SIMPLE"}
    register(url, [{"name": NAME, **OWNER}], {"name": NAME, "version": 1, "tasks": [task], **OWNER})
    with ConductorClient(url) as opened:
        yield opened


def test_a_workflow_is_terminated_retried_and_restarted(client: ConductorClient) -> None:
    workflow_id = client.start_workflow(NAME, 1, {"a": 1})
    assert client.status(workflow_id) == "RUNNING"

    for _ in range(2):
        client.terminate(workflow_id, "no longer wanted")
    ended = client.workflow(workflow_id)
    assert (ended["status"], ended["reasonForIncompletion"]) == ("TERMINATED", "no longer wanted")
    assert [task["status"] for task in ended["tasks"]] == ["CANCELED"]

    client.retry(workflow_id)
    retried = client.workflow(workflow_id)
    assert retried["status"] == "RUNNING"
    assert len(retried["tasks"]) == 2  # it continues from the canceled task
    with pytest.raises(ConductorRefusedError, match="still running"):
        client.retry(workflow_id)

    client.terminate(workflow_id, "once more")
    client.restart(workflow_id)
    restarted = client.workflow(workflow_id)
    assert restarted["status"] == "RUNNING"
    assert len(restarted["tasks"]) == 1  # it starts over
    with pytest.raises(ConductorRefusedError, match="409"):
        client.restart(workflow_id)
    assert (
        "tasks" not in client.workflow(workflow_id, tasks=False)
        or not (client.workflow(workflow_id, tasks=False)["tasks"])
    )
    client.terminate(workflow_id, "enough")


def test_workflows_of_a_transcript_are_found(client: ConductorClient, version: str) -> None:
    transcript_id = f"transcript/{uuid.uuid4().hex} ä"
    ids = [
        client.start_workflow(NAME, 1, {}, correlation_id=transcript_id)
        for transcript_id in (transcript_id, transcript_id, "another")
    ]
    client.terminate(ids[0], "no longer wanted")

    def search(*known: str) -> set[str]:
        return {one["workflowId"] for one in client.search(NAME, transcript_id, known=known)}

    assert search(*ids[:2], "never-was") == set(ids[:2])
    if version in PERSISTENT:
        wait_until(lambda: search() == set(ids[:2]), what="the server to index", timeout=10)
    else:
        assert search() == set()
    for workflow_id in ids[1:]:
        client.terminate(workflow_id, "enough")


def test_a_missing_workflow_is_an_error_with_the_servers_message(
    client: ConductorClient,
) -> None:
    for call in (client.status, client.retry, client.restart):
        with pytest.raises(ConductorRefusedError, match="No such workflow") as caught:
            call(str(uuid.uuid4()))
        assert caught.value.status == 404


def registered(schema: Schema) -> Schema:
    data: Schema = with_dialect(without_descriptions(schema))
    return data


def test_every_version_accepts_the_definitions_and_newer_ones_store_the_schemas(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> None:
    contracts = load_contracts()
    server = conductor_of(version)
    register(server.api_url, contracts.task_definitions(), contracts.workflow)

    again = register(server.api_url, contracts.task_definitions(), contracts.workflow)

    assert len(again.unchanged) == len(contracts.tasks) + 1
    with ConductorRest(server.api_url) as rest:
        for name, task in contracts.tasks.items():
            stored = rest.task_definition(name) or {}
            if version == "3.15.0":
                assert "inputSchema" not in stored
            else:
                assert stored["inputSchema"]["data"] == registered(task.input)
                assert stored["outputSchema"]["data"] == registered(task.output)
                assert stored["enforceSchema"] is True
        stop_enforcement(rest, contracts.tasks, contracts.workflow["name"])
        left = [one for one in rest.task_definitions() if one["name"] in contracts.tasks]
    assert not any(one.get("enforceSchema") for one in left)
    assert len(left) == len(contracts.tasks)


def test_the_table_says_whether_a_version_enforces_schemas(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> None:
    server = conductor_of(version)

    assert enforces_schemas(server.api_url) is VERSIONS[version].enforces_schemas
    with ConductorRest(server.api_url) as rest:
        names = {one["name"] for one in rest.task_definitions()}
    assert not any(name.startswith("trackproof_schema_") for name in names)
