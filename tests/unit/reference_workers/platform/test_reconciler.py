from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from reference_workers.platform.client import ConductorClient, ConductorUnreachableError
from reference_workers.platform.reconciler import LEASE, Reconciler
from reference_workers.platform.state import leases
from reference_workers.platform.state.models import Lease
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.conductor_server import Answer, conductor_server
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness
from trackproof.wait import wait_until

WORKFLOW = "/api/workflow/workflow-1"


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def working(harness: WorkerHarness) -> WorkerHarness:
    """A harness whose meeting is in processing by a workflow."""
    harness.clients.state.store_workflow("rec-1", "workflow-1")
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status("processing")
    return harness


def workflow(status: str, *tasks: Json) -> Json:
    return {"workflowId": "workflow-1", "status": status, "tasks": list(tasks)}


def reconcile(
    harness: WorkerHarness, *answers: Answer, runs: int = 1
) -> list[tuple[str, str, Any]]:
    """Reconcile `runs` times with these answers of Conductor; return its requests."""
    left = list(answers)
    with (
        conductor_server(lambda *_: left.pop(0) if len(left) > 1 else left[0]) as server,
        ConductorClient(server.url) as client,
    ):
        reconciler = Reconciler(harness.clients.state, lambda: client, seconds=1)
        for _ in range(runs):
            reconciler.reconcile(client)
        return server.requests


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ("FAILED", "error"),
        ("TIMED_OUT", "error"),
        ("TERMINATED", "error"),
        ("COMPLETED", "ended"),
        ("RUNNING", "processing"),
        ("PAUSED", "processing"),
    ],
)
def test_a_transcript_gets_the_status_of_its_workflow(
    working: WorkerHarness, ended: str, status: str
) -> None:
    reconcile(working, (200, workflow(ended)))

    assert working.transcript().status == status
    assert working.events("STATUS")[-1] == {"value": status}


def test_a_transcript_without_any_task_is_reconciled(
    harness: WorkerHarness,
) -> None:
    harness.clients.state.store_workflow("rec-1", "workflow-1")

    reconcile(harness, (200, workflow("TERMINATED")))

    assert harness.transcript().status == "error"


@pytest.mark.parametrize("status", ["ended", "error"])
def test_finished_transcripts_are_not_looked_up(working: WorkerHarness, status: str) -> None:
    with working.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status(status)

    assert reconcile(working, (200, workflow("FAILED"))) == []


def test_a_status_set_meanwhile_by_a_worker_is_kept(
    working: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finalize_comes_first(method: str, path: str) -> Answer:
        with working.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.set_status("ended")
        return 200, workflow("FAILED")

    with (
        conductor_server(finalize_comes_first) as server,
        ConductorClient(server.url) as client,
    ):
        Reconciler(working.clients.state, lambda: client, seconds=1).reconcile(client)

    assert working.transcript().status == "ended"


def test_an_old_workflow_does_not_end_a_new_one(working: WorkerHarness) -> None:
    def another_starts(method: str, path: str) -> Answer:
        working.clients.state.store_workflow("rec-1", "workflow-2")
        return 200, workflow("FAILED")

    with conductor_server(another_starts) as server, ConductorClient(server.url) as client:
        Reconciler(working.clients.state, lambda: client, seconds=1).reconcile(client)

    assert working.transcript().status == "processing"


UNKNOWN = (404, {"status": 404, "message": "No such workflow found by id: workflow-1"})
NO_SUCH_PAGE = (404, {"status": 404, "message": "No static resource apii/workflow/workflow-1."})
REFUSED = (403, {"status": 403, "message": "workflow-1 is not yours"})


def test_a_workflow_unknown_to_conductor_ends_in_error(working: WorkerHarness) -> None:
    reconcile(working, UNKNOWN, runs=2)

    assert working.transcript().status == "error"
    assert working.events("STATUS")[-1] == {"value": "error"}


@pytest.mark.parametrize(
    "answers",
    [
        [UNKNOWN],
        [UNKNOWN, (200, workflow("RUNNING")), UNKNOWN],
        [NO_SUCH_PAGE] * 3,
        [REFUSED] * 3,
    ],
    ids=["once only", "not in a row", "no Conductor", "another refusal"],
)
def test_an_uncertain_answer_changes_nothing(working: WorkerHarness, answers: list[Answer]) -> None:
    reconcile(working, *answers, runs=len(answers))

    assert working.transcript().status == "processing"


def test_without_an_answer_nothing_changes(working: WorkerHarness) -> None:
    with pytest.raises(ConductorUnreachableError):
        reconcile(working, (0, None))

    assert working.transcript().status == "processing"


# A workflow is TERMINATED before its tasks are CANCELED, so that some may be IN_PROGRESS.
@pytest.mark.parametrize(
    "status", ["TIMED_OUT", "CANCELED", "IN_PROGRESS", "COMPLETED_WITH_ERRORS"]
)
def test_an_open_step_of_a_dead_worker_fails_once(status: str, working: WorkerHarness) -> None:
    def task(reference: str, status: str, task_id: str) -> Json:
        return {
            "taskId": task_id,
            "referenceTaskName": reference,
            "taskDefName": reference,
            "status": status,
        }

    title = {"topics": [], "transcript_id": TRANSCRIPT_ID}
    working.execute("generate_title", title)  # emits completed
    with working.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status("processing")
    worker_dies(working)

    ended = workflow(
        "TIMED_OUT",
        task("generate_title", status, "task-generate_title-0"),
        task("finalize", status, "task-finalize-0"),
        task("cleanup_consent", "CANCELED", "never-started"),
        task("something_else", "FAILED", "x"),
    )
    for _ in range(2):
        reconcile(working, (200, ended))

    progress = [
        (event["current_step"], event["step_status"])
        for event in working.events("PIPELINE_PROGRESS")
    ]
    assert progress == [
        ("generate_title", "in_progress"),
        ("generate_title", "completed"),
        ("finalize", "in_progress"),
        ("finalize", "failed"),
    ]


def worker_dies(harness: WorkerHarness) -> None:
    """Leave finalize started and not ended, like a killed worker."""

    class KilledError(BaseException):
        pass

    def die(*_: object, **__: object) -> Json:
        raise KilledError

    payload = {
        "transcript_id": TRANSCRIPT_ID,
        "title": "t",
        "summary": "s",
        "short_summary": "s",
        "duration": 1.0,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WORKERS, "finalize", die)
        with pytest.raises(KilledError):
            harness.execute("finalize", payload)


def test_the_thread_reconciles_periodically(working: WorkerHarness) -> None:
    answers = [(200, workflow("RUNNING")), (0, None), (200, workflow("RUNNING"))]

    def answer(method: str, path: str) -> Answer:
        return answers.pop(0) if answers else (200, workflow("FAILED"))

    with conductor_server(answer) as server:
        reconciler = Reconciler(
            working.clients.state, lambda: ConductorClient(server.url), seconds=0.02
        )
        with reconciler.running():
            wait_until(
                lambda: working.transcript().status == "error", what="the ending", timeout=20
            )


def test_only_the_holder_of_the_lease_reconciles(
    working: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = working.clients.state
    answers: list[bool] = []
    acquire = leases.acquire

    def record(*args: Any, **kwargs: Any) -> bool:
        answers.append(acquire(*args, **kwargs))
        return answers[-1]

    assert acquire(state, LEASE, "another fleet", seconds=3600)
    monkeypatch.setattr(leases, "acquire", record)
    with conductor_server(lambda *_: (200, workflow("RUNNING"))) as server:
        reconciler = Reconciler(state, lambda: ConductorClient(server.url), seconds=0.02)
        with reconciler.running():
            wait_until(lambda: len(answers) >= 5, what="attempts to acquire the lease", timeout=20)
            assert (set(answers), server.requests) == ({False}, [])

            leases.release(state, LEASE, "another fleet")

            server.wait_for("GET", WORKFLOW)

    with state.read_session() as session:
        assert session.get(Lease, LEASE) is None  # released


def test_a_running_workflow_is_read_without_its_tasks(working: WorkerHarness) -> None:
    with (
        conductor_server(lambda *_: (200, workflow("RUNNING"))) as server,
        ConductorClient(server.url) as client,
    ):
        Reconciler(working.clients.state, lambda: client, seconds=1).reconcile(client)

    assert server.queries("GET", WORKFLOW) == [{"includeTasks": ["false"]}]
