from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from conductor.client.automator import task_runner
from conductor.client.http.models.task import Task
from conductor.client.http.rest import ApiException

from reference_workers import runner
from reference_workers.runner import ContractWorker, FleetRunner, PollPace
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.conductor_server import (
    Answer,
    ConductorServer,
    conductor_server,
)
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness
from trackproof.wait import wait_until

UPDATE_V2 = "/api/tasks/update-v2"
UPDATE_V1 = "/api/tasks"
TASK: Json = {
    "taskId": "task-1",
    "workflowInstanceId": "workflow-1",
    "referenceTaskName": "generate_title",
    "taskDefName": "generate_title",
    "taskType": "generate_title",
    "retryCount": 0,
    "inputData": {"topics": [], "transcript_id": TRANSCRIPT_ID},
}
SHORTEST_PAUSE = 10
NOT_SUPPORTED = {"status": 500, "message": "Request method 'POST' not supported"}


@contextmanager
def one_task(update_v2: Answer) -> Iterator[ConductorServer]:
    """Serve one task, and answer update-v2 in the given way."""
    left = iter([[TASK]])

    def answer(_: str, path: str) -> Answer:
        if path.startswith("/api/tasks/poll"):
            return 200, next(left, [])
        if path == UPDATE_V2:
            return update_v2
        return 200, "task-1"

    with conductor_server(answer) as server:
        yield server


@contextmanager
def polling(
    harness: WorkerHarness, server: ConductorServer, task_type: str = "generate_title"
) -> Iterator[None]:
    """Let a fleet poll for tasks of one type."""
    settings = harness.clients.settings.model_copy(update={"conductor_server_url": server.url})
    fleet = FleetRunner(replace(harness.clients, settings=settings), [task_type])
    fleet.start()
    try:
        yield
    finally:
        fleet.stop()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record and skip the SDK's pauses of 10, 20, 30 s after a failed update."""
    recorded: list[float] = []

    def sleep(seconds: float) -> None:
        if seconds >= SHORTEST_PAUSE:
            recorded.append(seconds)
        time.sleep(min(seconds, 0.01))

    monkeypatch.setattr(task_runner, "time", SimpleNamespace(time=time.time, sleep=sleep))
    return recorded


def test_a_server_without_update_v2(harness: WorkerHarness) -> None:
    with one_task(update_v2=(500, NOT_SUPPORTED)) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V1)

    (result,) = server.bodies("POST", UPDATE_V1)
    assert (result["taskId"], result["status"]) == ("task-1", "COMPLETED")
    assert result["outputData"] == {"title": "Untitled Meeting"}
    assert len(server.bodies("POST", UPDATE_V2)) == 1


def test_concurrent_updates_fall_back_without_a_pause(
    harness: WorkerHarness, pauses: list[float]
) -> None:
    """The SDK by itself falls back for one of them and retries the other after 10 s."""
    two = [{**TASK, "taskId": f"task-{n}", "taskDefName": "pad_track"} for n in (1, 2)]
    left, both_arrived = iter([two]), threading.Barrier(2)

    def answer(_: str, path: str) -> Answer:
        if path.startswith("/api/tasks/poll"):
            return 200, next(left, [])
        if path == UPDATE_V2:
            both_arrived.wait(timeout=10)
            return 500, NOT_SUPPORTED
        return 200, "task"

    with conductor_server(answer) as server, polling(harness, server, "pad_track"):
        server.wait_for("POST", UPDATE_V1, count=2)

    assert len(server.bodies("POST", UPDATE_V2)) == 2
    assert pauses == []


def test_a_result_that_the_server_refuses_once_is_sent_again_without_the_sdks_pause(
    harness: WorkerHarness, pauses: list[float]
) -> None:
    left, answers = iter([[TASK]]), iter([(503, ""), (200, "")])

    def answer(_: str, path: str) -> Answer:
        if path.startswith("/api/tasks/poll"):
            return 200, next(left, [])
        return next(answers)

    with conductor_server(answer) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V2, count=2)

    assert pauses == []


def test_a_stopping_fleet_does_not_ask_for_the_next_task(harness: WorkerHarness) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(*_: object, **__: object) -> Json:
        started.set()
        go_on.wait(10)
        return {"title": "Tides"}

    with (
        pytest.MonkeyPatch.context() as patch,
        one_task(update_v2=(200, "")) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        patch.setitem(WORKERS, "generate_title", work)
        settings = harness.clients.settings.model_copy(update={"conductor_server_url": server.url})
        fleet = FleetRunner(replace(harness.clients, settings=settings), ["generate_title"])
        fleet.start()
        assert started.wait(10)
        stopping = pool.submit(fleet.stop)
        wait_until(lambda: fleet.is_stopping, what="the stop", timeout=5, interval=0.01)
        go_on.set()
        stopping.result(10)

        assert server.bodies("POST", UPDATE_V2) == []
        assert [result["status"] for result in server.bodies("POST", UPDATE_V1)] == ["COMPLETED"]


def test_a_server_with_update_v2(harness: WorkerHarness) -> None:
    with one_task(update_v2=(204, "")) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V2)

    assert server.bodies("POST", UPDATE_V2)[0]["status"] == "COMPLETED"
    assert server.bodies("POST", UPDATE_V1) == []


def test_another_500_is_retried_without_falling_back(harness: WorkerHarness) -> None:
    broken = (500, {"status": 500, "message": "database is gone"})
    with one_task(update_v2=broken) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V2, count=4)
        assert server.bodies("POST", UPDATE_V1) == []


def test_a_fleet_polls_for_every_task_type(harness: WorkerHarness) -> None:
    with conductor_server(lambda *_: (200, [])) as server:
        settings = harness.clients.settings.model_copy(update={"conductor_server_url": server.url})
        fleet = FleetRunner(replace(harness.clients, settings=settings))
        fleet.start()
        for task_type in WORKERS:
            path = f"/api/tasks/poll/batch/{task_type}"
            server.wait_for("GET", path)
            # A server-side wait delays tasks by 200 ms on Conductor 3.15.0.
            assert server.queries("GET", path)[0]["timeout"] == ["0"]
        fleet.stop()

    assert not [thread for thread in fleet._threads if thread.is_alive()]


def test_a_slow_task_does_not_hold_up_another_of_its_type(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_ended = threading.Event()

    def work(_: object, *, topics: object, transcript_id: str) -> Json:
        if topics:
            second_ended.set()
        else:
            assert second_ended.wait(20)
        return {"title": "Budget"}

    monkeypatch.setitem(WORKERS, "generate_title", work)
    topic = {"id": "a", "title": "b", "summary": "c", "timestamp": 0, "duration": 1}
    second = {**TASK, "taskId": "task-2", "inputData": {**TASK["inputData"], "topics": [topic]}}
    left = iter([[TASK], [second]])

    def answer(_: str, path: str) -> Answer:
        return (200, next(left, [])) if path.startswith("/api/tasks/poll") else (200, "")

    with conductor_server(answer) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V2, count=2)

    results = server.bodies("POST", UPDATE_V2)
    assert {one["taskId"]: one["status"] for one in results} == {
        "task-1": "COMPLETED",
        "task-2": "COMPLETED",
    }


def test_idle_task_types_are_polled_less_often(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: now[0]))
    pace = PollPace()
    waveform_worker, title_worker = (
        ContractWorker(task_type, harness.clients, pace)
        for task_type in ("generate_waveform", "generate_title")
    )
    intervals = []

    for seconds, has_task in ((0, False), (9, False), (2, False), (0, True), (9, False)):
        now[0] += seconds
        if has_task:
            title_worker.execute(Task(task_id="task-1", input_data={}))
        intervals.append(
            [worker.get_polling_interval_in_seconds() for worker in (waveform_worker, title_worker)]
        )

    assert intervals == [[0.1, 0.1], [0.1, 0.1], [0.5, 0.5], [0.25, 0.1], [0.25, 0.1]]


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"topics": [], "transcript_id": TRANSCRIPT_ID}, "COMPLETED"),
        ({"topics": []}, "FAILED_WITH_TERMINAL_ERROR"),
        ({"topics": [], "transcript_id": "nowhere"}, "FAILED_WITH_TERMINAL_ERROR"),
    ],
)
def test_an_outcome_becomes_the_tasks_result(
    harness: WorkerHarness, payload: Json, status: str
) -> None:
    task = Task(
        task_id="task-1",
        workflow_instance_id="workflow-1",
        reference_task_name="generate_title",
        retry_count=0,
        input_data=payload,
    )

    result = ContractWorker("generate_title", harness.clients, PollPace()).execute(task)

    assert (result.status, result.task_id, result.workflow_instance_id) == (
        status,
        "task-1",
        "workflow-1",
    )
    assert bool(result.reason_for_incompletion) == (status != "COMPLETED")


def test_the_retry_count_reaches_the_worker(harness: WorkerHarness) -> None:
    task = Task(
        task_id="task-1",
        reference_task_name="send_webhook",
        retry_count=7,
        input_data={"transcript_id": TRANSCRIPT_ID, "room_id": "room-1"},
    )

    ContractWorker("send_webhook", harness.clients, PollPace()).execute(task)

    (delivery,) = harness.stand_ins.webhook.deliveries()
    assert delivery.header("x-webhook-retry") == "7"


def test_proxies_are_not_used_for_conductor(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like the SDK: proxies are for outside services."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    with one_task(update_v2=(204, "")) as server, polling(harness, server):
        server.wait_for("POST", UPDATE_V2)


def test_a_lost_connection_does_not_close_the_client_of_other_threads(
    harness: WorkerHarness,
) -> None:
    def lost(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    worker = ContractWorker("generate_title", harness.clients, PollPace())
    with httpx.Client(transport=httpx.MockTransport(lost)) as connection:
        client = runner._runner(worker, harness.clients.settings, connection).task_client

        with pytest.raises(ApiException):
            client.batch_poll("generate_title")

        assert client.api_client.rest_client.connection is connection
        assert not connection.is_closed
