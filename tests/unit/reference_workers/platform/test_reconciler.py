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
def _no_waiting_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def working(harness: WorkerHarness) -> WorkerHarness:
    """A harness whose meeting is being worked on by a workflow."""
    harness.clients.state.store_workflow("rec-1", "workflow-1")
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status("processing")
    return harness


def workflow(status: str, *tasks: Json) -> Json:
    return {"workflowId": "workflow-1", "status": status, "tasks": list(tasks)}


def reconcile(
    harness: WorkerHarness, *answers: Answer, looks: int = 1
) -> list[tuple[str, str, Any]]:
    """Look so often at a Conductor that answers so; return what it was asked."""
    left = list(answers)
    with (
        conductor_server(lambda *_: left.pop(0) if len(left) > 1 else left[0]) as server,
        ConductorClient(server.url) as client,
    ):
        reconciler = Reconciler(harness.clients.state, lambda: client, seconds=1)
        for _ in range(looks):
            reconciler.reconcile(client)
        return server.asked


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
def test_a_transcript_ends_as_its_workflow_did(
    working: WorkerHarness, ended: str, status: str
) -> None:
    reconcile(working, (200, workflow(ended)))

    assert working.transcript().status == status
    assert working.events("STATUS")[-1] == {"value": status}


def test_a_transcript_that_no_worker_has_touched_yet_is_seen_to_as_well(
    harness: WorkerHarness,
) -> None:
    harness.clients.state.store_workflow("rec-1", "workflow-1")

    reconcile(harness, (200, workflow("TERMINATED")))

    assert harness.transcript().status == "error"


@pytest.mark.parametrize("status", ["ended", "error"])
def test_conductor_is_not_asked_about_what_has_ended(working: WorkerHarness, status: str) -> None:
    with working.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status(status)

    assert reconcile(working, (200, workflow("FAILED"))) == []


def test_an_ending_that_a_worker_has_written_meanwhile_stands(
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


def test_a_new_workflow_is_not_ended_by_the_old_one(working: WorkerHarness) -> None:
    def another_begins(method: str, path: str) -> Answer:
        working.clients.state.store_workflow("rec-1", "workflow-2")
        return 200, workflow("FAILED")

    with conductor_server(another_begins) as server, ConductorClient(server.url) as client:
        Reconciler(working.clients.state, lambda: client, seconds=1).reconcile(client)

    assert working.transcript().status == "processing"


FORGOTTEN = (404, {"status": 404, "message": "No such workflow found by id: workflow-1"})
NO_SUCH_PAGE = (404, {"status": 404, "message": "No static resource apii/workflow/workflow-1."})
REFUSED = (403, {"status": 403, "message": "workflow-1 is not yours"})


def test_a_workflow_that_conductor_has_forgotten_ends_in_an_error(working: WorkerHarness) -> None:
    reconcile(working, FORGOTTEN, looks=2)

    assert working.transcript().status == "error"
    assert working.events("STATUS")[-1] == {"value": "error"}


@pytest.mark.parametrize(
    "answers",
    [
        [FORGOTTEN],
        [FORGOTTEN, (200, workflow("RUNNING")), FORGOTTEN],
        [NO_SUCH_PAGE] * 3,
        [REFUSED] * 3,
    ],
    ids=["once only", "not in a row", "no Conductor's word", "another refusal"],
)
def test_who_may_still_know_a_workflow_changes_nothing(
    working: WorkerHarness, answers: list[Answer]
) -> None:
    reconcile(working, *answers, looks=len(answers))

    assert working.transcript().status == "processing"


def test_without_an_answer_nothing_changes(working: WorkerHarness) -> None:
    with pytest.raises(ConductorUnreachableError):
        reconcile(working, (0, None))

    assert working.transcript().status == "processing"


# A workflow is TERMINATED before its tasks are CANCELED: who looks between sees IN_PROGRESS.
@pytest.mark.parametrize(
    "status", ["TIMED_OUT", "CANCELED", "IN_PROGRESS", "COMPLETED_WITH_ERRORS"]
)
def test_a_step_whose_worker_died_is_closed_once(status: str, working: WorkerHarness) -> None:
    def task(reference: str, status: str, task_id: str) -> Json:
        return {
            "taskId": task_id,
            "referenceTaskName": reference,
            "taskDefName": reference,
            "status": status,
        }

    title = {"topics": [], "transcript_id": TRANSCRIPT_ID}
    working.execute("generate_title", title)  # its end was told
    with working.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status("processing")
    worker_dies(working)

    ended = workflow(
        "TIMED_OUT",
        task("generate_title", status, "task-generate_title-0"),
        task("finalize", status, "task-finalize-0"),
        task("cleanup_consent", "CANCELED", "never-begun"),
        task("something_else", "FAILED", "x"),
    )
    for _ in range(2):
        reconcile(working, (200, ended))

    told = [
        (event["current_step"], event["step_status"])
        for event in working.events("PIPELINE_PROGRESS")
    ]
    assert told == [
        ("generate_title", "in_progress"),
        ("generate_title", "completed"),
        ("finalize", "in_progress"),
        ("finalize", "failed"),
    ]


def worker_dies(harness: WorkerHarness) -> None:
    """Leave finalize as a killed worker does: begun, and never heard of again."""

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


def test_while_it_runs_it_looks_again_and_again(working: WorkerHarness) -> None:
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


def test_who_does_not_hold_the_lease_asks_nothing_until_it_is_free(
    working: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = working.clients.state
    answers: list[bool] = []
    take = leases.acquire

    def noted(*args: Any, **kwargs: Any) -> bool:
        answers.append(take(*args, **kwargs))
        return answers[-1]

    assert take(state, LEASE, "another fleet", seconds=3600)
    monkeypatch.setattr(leases, "acquire", noted)
    with conductor_server(lambda *_: (200, workflow("RUNNING"))) as server:
        reconciler = Reconciler(state, lambda: ConductorClient(server.url), seconds=0.02)
        with reconciler.running():
            wait_until(lambda: len(answers) >= 5, what="looking for the lease", timeout=20)
            assert (set(answers), server.asked) == ({False}, [])

            leases.release(state, LEASE, "another fleet")

            server.wait_for("GET", WORKFLOW)

    with state.read_session() as session:
        assert session.get(Lease, LEASE) is None  # handed back for the next one
