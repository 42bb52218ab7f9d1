"""The fleet's own client against every version of the server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from reference_workers.client import ConductorClient, ConductorRefusedError
from tools.testbed.conductor import ConductorServer, register
from tools.testbed.conductor.versions import VERSIONS
from tools.waiting import wait_until

pytestmark = pytest.mark.conductor

OWNER = {"ownerEmail": "owner@example.org"}
NAME = f"client_{uuid.uuid4().hex[:8]}"
KEEPS_RUNS_ON_DISK = {"3.32.3"}
"""The other versions, as the testbed starts them, keep their runs in memory."""


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
