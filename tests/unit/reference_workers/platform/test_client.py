from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stamina

from reference_workers.platform.client import (
    ConductorClient,
    ConductorRefusedError,
    ConductorUnreachableError,
)
from tests.unit.reference_workers.conductor_server import Answer, conductor_server

START = "/api/workflow/diarization_pipeline"
STATUS = "/api/workflow/workflow-1"
CORRELATED = "/api/workflow/diarization_pipeline/correlated"
NO_ANSWER = (0, None)
RUNNING = {"workflowId": "workflow-1", "status": "RUNNING", "tasks": [{"taskId": "task-1"}]}


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


def start(client: ConductorClient) -> str:
    return client.start_workflow("diarization_pipeline", 1, {"recording_id": "rec-1"})


def url_of(listener: socket.socket) -> str:
    """Return the URL of a server that never answers."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}/api"


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return url_of(listener)


def test_a_workflow_is_started_with_its_input() -> None:
    with (
        conductor_server(lambda *_: (200, "workflow-1")) as server,
        ConductorClient(server.url) as client,
    ):
        assert start(client) == "workflow-1"

    assert server.bodies("POST", START) == [{"recording_id": "rec-1"}]


def test_a_workflow_contains_its_tasks() -> None:
    with (
        conductor_server(lambda *_: (200, RUNNING)) as server,
        ConductorClient(server.url) as client,
    ):
        workflow = client.workflow("workflow-1")

    assert workflow["status"] == "RUNNING"
    assert workflow["tasks"][0]["taskId"] == "task-1"


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "No such workflow found by name: x"), (400, "ownerEmail cannot be empty"), (500, "x")],
)
def test_a_refusal_contains_the_servers_message(status: int, message: str) -> None:
    with (
        conductor_server(lambda *_: (status, {"status": status, "message": message})) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorRefusedError) as caught,
    ):
        start(client)

    assert (caught.value.status, caught.value.message) == (status, message)
    assert message in str(caught.value)


def test_a_refusal_without_json() -> None:
    with (
        conductor_server(lambda *_: (502, "Bad gateway")) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorRefusedError, match="502"),
    ):
        start(client)


def test_a_closed_port_is_unreachable() -> None:
    url = closed_port()

    with (
        ConductorClient(url) as client,
        pytest.raises(ConductorUnreachableError, match="no Conductor answers at"),
    ):
        start(client)


def test_errors_do_not_contain_the_login() -> None:
    url = closed_port().replace("//", "//user:hunter2@") + "?key=hunter2"

    with ConductorClient(url) as client, pytest.raises(ConductorUnreachableError) as caught:
        start(client)

    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_hanging_server_is_unreachable() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ConductorClient(url_of(listener), timeout=0.05) as client,
        pytest.raises(ConductorUnreachableError),
    ):
        start(client)


def test_starting_a_workflow_is_not_retried() -> None:
    with (
        conductor_server(lambda *_: (0, None)) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorUnreachableError),
    ):
        start(client)

    assert len(server.bodies("POST", START)) == 1


def test_a_read_without_an_answer_is_retried() -> None:
    lost = iter(range(3))

    def answer(*_: str) -> Answer:
        return (0, None) if next(lost, None) is not None else (200, RUNNING)

    with conductor_server(answer) as server, ConductorClient(server.url) as client:
        assert client.workflow("workflow-1")["status"] == "RUNNING"


def test_the_number_of_attempts_is_limited() -> None:
    url = closed_port()
    with ConductorClient(url, attempts=2) as client, pytest.raises(ConductorUnreachableError):
        client.workflow("workflow-1")


def test_a_refusal_is_not_retried() -> None:
    with (
        conductor_server(lambda *_: (404, {"message": "no such workflow"})) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorRefusedError),
    ):
        client.workflow("workflow-1")

    assert len(server.bodies("GET", STATUS)) == 1


@pytest.mark.parametrize("page", ["<html>Welcome</html>", [], 5, None], ids=str)
def test_another_server_is_not_a_conductor_server(page: Any) -> None:
    with (
        conductor_server(lambda *_: (200, page)) as server,
        ConductorClient(server.url) as client,
    ):
        for request in (lambda: client.status("workflow-1"), lambda: client.search("x", "t-1")):
            with pytest.raises(ConductorRefusedError, match="is not a Conductor server"):
                request()


def test_a_long_error_message_is_shortened() -> None:
    with (
        conductor_server(lambda *_: (502, "x" * 10_000)) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorRefusedError) as caught,
    ):
        start(client)

    assert len(str(caught.value)) < 600


def test_the_correlation_id_is_sent() -> None:
    with (
        conductor_server(lambda *_: (200, "workflow-1")) as server,
        ConductorClient(server.url) as client,
    ):
        client.start_workflow("diarization_pipeline", 1, {}, correlation_id="t/1 ä")

    assert server.queries("POST", START) == [{"version": ["1"], "correlationId": ["t/1 ä"]}]


def test_the_status_request_excludes_tasks() -> None:
    with (
        conductor_server(lambda *_: (200, RUNNING)) as server,
        ConductorClient(server.url) as client,
    ):
        assert client.status("workflow-1") == "RUNNING"

    (query,) = server.queries("GET", STATUS)
    assert query["includeTasks"][0].lower() == "false"


def test_terminate_is_retried() -> None:
    lost = iter([True])

    def answer(*_: str) -> Answer:
        return NO_ANSWER if next(lost, False) else (200, "")

    with conductor_server(answer) as server, ConductorClient(server.url) as client:
        client.terminate("workflow-1", "no longer wanted")

    assert server.queries("DELETE", STATUS)[-1] == {"reason": ["no longer wanted"]}


@pytest.mark.parametrize("verb", ["retry", "restart"])
def test_retry_and_restart_are_sent_once(verb: str) -> None:
    with (
        conductor_server(lambda *_: NO_ANSWER) as server,
        ConductorClient(server.url) as client,
        pytest.raises(ConductorUnreachableError),
    ):
        getattr(client, verb)("workflow-1")

    assert len(server.bodies("POST", f"{STATUS}/{verb}")) == 1


def test_search_returns_the_newest_workflow_first() -> None:
    correlated = [
        {"workflowId": "old", "status": "FAILED", "createTime": 1},
        {"workflowId": "new", "status": "RUNNING", "createTime": 2},
    ]
    with (
        conductor_server(lambda *_: (200, {"t-1": correlated})) as server,
        ConductorClient(server.url) as client,
    ):
        workflows = client.search("diarization_pipeline", "t-1", known=["old"])

    assert [workflow["workflowId"] for workflow in workflows] == ["new", "old"]
    assert server.bodies("POST", CORRELATED) == [["t-1"]]
    assert server.queries("POST", CORRELATED)[0]["includeClosed"][0].lower() == "true"


def test_search_adds_known_workflows_that_still_exist() -> None:
    def answer(method: str, path: str) -> Answer:
        match method, path:
            case "POST", _:
                return 200, {"t-1": []}  # a server in memory mode
            case "GET", "/api/workflow/workflow-1":
                return 200, RUNNING
        return 404, {"message": "No such workflow found"}

    with conductor_server(answer) as server, ConductorClient(server.url) as client:
        workflows = client.search("diarization_pipeline", "t-1", known=["gone", "workflow-1"])

    assert [workflow["workflowId"] for workflow in workflows] == ["workflow-1"]


async def test_clients_are_independent() -> None:
    with (
        conductor_server(lambda *_: (200, RUNNING)) as one,
        conductor_server(lambda *_: (200, {**RUNNING, "status": "FAILED"})) as other,
        ConductorClient(one.url) as first,
        ConductorClient(other.url) as second,
    ):
        statuses = [asyncio.to_thread(client.status, "workflow-1") for client in (first, second)]
        assert await asyncio.gather(*statuses) == ["RUNNING", "FAILED"]
        first.close()
        assert await asyncio.to_thread(second.status, "workflow-1") == "FAILED"


def test_the_time_limit_applies_after_reconnecting(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[Any] = []
    request = httpx.Client.request

    def record(client: httpx.Client, *args: Any, **kwargs: Any) -> httpx.Response:
        timeouts.append(client.timeout.read)
        return request(client, *args, **kwargs)

    monkeypatch.setattr(httpx.Client, "request", record)
    with (
        conductor_server(lambda *_: (0, None)) as server,
        ConductorClient(server.url, timeout=3.5, attempts=2) as client,
        pytest.raises(ConductorUnreachableError),
    ):
        client.workflow("workflow-1")

    assert len(timeouts) > 1
    assert set(timeouts) == {3.5}


def test_registering_creates_new_and_replaces_known_definitions() -> None:
    def answer(method: str, _: str) -> Answer:
        return (200, [{"name": "known"}]) if method == "GET" else (200, "")

    known, new = {"name": "known"}, {"name": "new"}
    with conductor_server(answer) as server, ConductorClient(server.url) as client:
        client.register([known, new], {"name": "pipeline"})

    assert server.bodies("PUT", "/api/metadata/taskdefs") == [known]
    assert server.bodies("POST", "/api/metadata/taskdefs") == [[new]]
    assert server.bodies("PUT", "/api/metadata/workflow") == [[{"name": "pipeline"}]]
