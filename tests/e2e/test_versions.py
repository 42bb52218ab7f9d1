"""What holds on every version of the server; in one file, for they are slow to start."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest

from reference_workers.platform.client import ConductorClient, ConductorRefusedError
from tests.e2e.failing import failed_checks
from trackproof.contracts.load import load_contracts
from trackproof.testbed.conductor import VERSIONS, ConductorRest, ConductorServer, register
from trackproof.verify.meeting_check import RunOptions, check_meeting
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

# Every run has the newer versions, and 3.15.0 in all other tests; a night has every pair.
EVERY_RUN = {("3.21.14", 8), ("3.32.3", 3)}
MEETINGS = [
    pytest.param(*pair, 12)
    if pair in EVERY_RUN
    else pytest.param(*pair, 30, marks=pytest.mark.nightly)
    for pair in itertools.product(VERSIONS, (1, 3, 8, 16))
]

OWNER = {"ownerEmail": "owner@example.org"}
NAME = f"client_{uuid.uuid4().hex[:8]}"
KEEPS_RUNS_ON_DISK = {"3.32.3"}
"""The other versions, as the testbed starts them, keep their runs in memory."""


@pytest.mark.parametrize(("version", "tracks", "seconds"), MEETINGS)
def test_every_check_of_a_meeting_holds(
    version: str, tracks: int, seconds: float, conductor_of: Callable[[str], ConductorServer]
) -> None:
    options = RunOptions(
        tracks=tracks, seconds=seconds, seed=tracks, conductor=conductor_of(version).api_url
    )

    ended = check_meeting(options, [])

    assert failed_checks(ended) == []
    assert ended.status == "COMPLETED"
    assert ended.version == version


@pytest.fixture(params=sorted(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> Iterator[ConductorClient]:
    """A client of a server that knows a workflow of one task, which nobody works on."""
    url = conductor_of(version).api_url
    task = {"name": NAME, "taskReferenceName": "only", "type": "SIMPLE"}
    register(url, [{"name": NAME, **OWNER}], {"name": NAME, "version": 1, "tasks": [task], **OWNER})
    with ConductorClient(url) as opened:
        yield opened


def test_a_workflow_is_ended_retried_and_restarted(client: ConductorClient) -> None:
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
    assert len(retried["tasks"]) == 2  # it went on from the task that had not been done
    with pytest.raises(ConductorRefusedError, match="still running"):
        client.retry(workflow_id)

    client.terminate(workflow_id, "once more")
    client.restart(workflow_id)
    restarted = client.workflow(workflow_id)
    assert restarted["status"] == "RUNNING"
    assert len(restarted["tasks"]) == 1  # it began anew
    with pytest.raises(ConductorRefusedError, match="409"):
        client.restart(workflow_id)
    assert (
        "tasks" not in client.workflow(workflow_id, tasks=False)
        or not (client.workflow(workflow_id, tasks=False)["tasks"])
    )
    client.terminate(workflow_id, "enough")


def test_a_transcripts_workflows_are_found(client: ConductorClient, version: str) -> None:
    transcript_id = f"transcript/{uuid.uuid4().hex} ä"
    ids = [
        client.start_workflow(NAME, 1, {}, correlation_id=transcript_id)
        for transcript_id in (transcript_id, transcript_id, "another")
    ]
    client.terminate(ids[0], "no longer wanted")

    def found(*known: str) -> set[str]:
        return {one["workflowId"] for one in client.search(NAME, transcript_id, known=known)}

    assert found(*ids[:2], "never-was") == set(ids[:2])
    if version in KEEPS_RUNS_ON_DISK:
        wait_until(lambda: found() == set(ids[:2]), what="the server to index", timeout=10)
    else:
        assert found() == set()
    for workflow_id in ids[1:]:
        client.terminate(workflow_id, "enough")


def test_a_workflow_there_is_not_is_refused_with_the_servers_words(
    client: ConductorClient,
) -> None:
    for ask in (client.status, client.retry, client.restart):
        with pytest.raises(ConductorRefusedError, match="No such workflow") as caught:
            ask(str(uuid.uuid4()))
        assert caught.value.status == 404


def test_every_version_takes_the_definitions_and_newer_ones_keep_the_schemas(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> None:
    contracts = load_contracts()
    server = conductor_of(version)
    register(server.api_url, contracts.task_definitions(), contracts.workflow)

    again = register(server.api_url, contracts.task_definitions(), contracts.workflow)

    assert len(again.unchanged) == len(contracts.tasks) + 1
    with ConductorRest(server.api_url) as rest:
        for name, task in contracts.tasks.items():
            kept = rest.task_definition(name) or {}
            if version == "3.15.0":
                assert "inputSchema" not in kept
            else:
                assert kept["inputSchema"]["data"] == task.input
                assert kept["outputSchema"]["data"] == task.output
                assert kept["enforceSchema"] is True
