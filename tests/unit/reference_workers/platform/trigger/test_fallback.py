"""Meetings that Conductor loses or does not answer for go to the legacy pipeline, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import stamina

from reference_workers.platform.client import ConductorClient
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.trigger.fallback import HANDED_OVER, FallbackWatch
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.switch import Switch
from tests.unit.reference_workers.conductor_server import Answer, ConductorServer, conductor_server
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness

SWITCH = Switch(conductor=True, legacy=False, fallback=True)
WORKFLOW = "/api/workflow/workflow-1"
UNKNOWN: Answer = (404, {"message": "No such workflow found by id: workflow-1"})
RUNNING: Answer = (200, {"workflowId": "workflow-1", "status": "RUNNING"})
AWAY: Answer = (0, None)


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1, cap=True):
        yield


class Subject:
    """A watch over the harness's meeting, whose workflow is `workflow-1`."""

    def __init__(self, harness: WorkerHarness, *, after_seconds: float = 0.0) -> None:
        self.sent: list[str] = []
        self.state = harness.clients.state
        self.state.store_workflow("rec-1", "workflow-1")
        self.set_status("processing")
        trigger = Trigger(
            self.state,
            SWITCH,
            lambda: ConductorClient(self.server.url),
            lambda _id, transcript, _row: self.sent.append(transcript.id),
        )
        self.watch = FallbackWatch(trigger, seconds=0.01, after_seconds=after_seconds)
        self.server: ConductorServer

    def set_status(self, status: str) -> None:
        with self.state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.set_status(status)

    def look(self, answer: Callable[[str, str], Answer], times: int = 1) -> list[tuple[str, str]]:
        """Look at the meeting; return Conductor's requests."""
        with (
            conductor_server(answer) as self.server,
            ConductorClient(self.server.url, timeout=5) as client,
        ):
            for _ in range(times):
                self.watch.look(client)
            return [(method, path) for method, path, _ in self.server.requests]


def test_a_workflow_that_the_server_has_lost_falls_back_at_the_second_look(
    harness: WorkerHarness,
) -> None:
    subject = Subject(harness)

    subject.look(lambda *_: UNKNOWN)
    assert subject.sent == []
    subject.look(lambda *_: UNKNOWN, times=2)

    assert subject.sent == [TRANSCRIPT_ID]


def test_a_server_without_an_answer_falls_back_after_the_limit(harness: WorkerHarness) -> None:
    patient, hasty = Subject(harness, after_seconds=3_600), Subject(harness)

    patient.look(lambda *_: AWAY, times=3)
    hasty.look(lambda *_: AWAY, times=3)

    assert (patient.sent, hasty.sent) == ([], [TRANSCRIPT_ID])


def test_a_server_that_answers_again_starts_the_time_anew(harness: WorkerHarness) -> None:
    subject = Subject(harness, after_seconds=3_600)

    subject.look(lambda *_: AWAY)
    subject.look(lambda *_: RUNNING)

    assert subject.watch._silent_since is None
    assert subject.sent == []


def test_a_meeting_that_has_ended_is_left_alone(harness: WorkerHarness) -> None:
    subject = Subject(harness)
    subject.set_status("ended")

    subject.look(lambda *_: UNKNOWN, times=3)
    subject.look(lambda *_: AWAY, times=3)

    assert subject.sent == []


def test_a_failed_meeting_is_left_alone_while_its_server_knows_it(harness: WorkerHarness) -> None:
    subject = Subject(harness)
    subject.set_status("error")

    subject.look(lambda *_: (200, {"workflowId": "workflow-1", "status": "FAILED"}), times=3)
    subject.look(lambda *_: AWAY, times=3)
    assert subject.sent == []

    # The reconciler sets error too where the server has lost the workflow.
    subject.look(lambda *_: UNKNOWN, times=2)
    assert subject.sent == [TRANSCRIPT_ID]


@pytest.mark.parametrize(
    "answer",
    [(503, "<html>503</html>"), (200, "<html>It works!</html>"), (404, "<html>404</html>")],
)
def test_pages_of_a_proxy_count_as_no_answer(answer: Answer, harness: WorkerHarness) -> None:
    patient, hasty = Subject(harness, after_seconds=3_600), Subject(harness)

    patient.look(lambda *_: answer, times=3)
    assert patient.sent == []
    hasty.look(lambda *_: answer, times=2)
    assert hasty.sent == [TRANSCRIPT_ID]


def test_the_workflow_of_a_meeting_that_was_handed_over_is_terminated_once(
    harness: WorkerHarness,
) -> None:
    subject = Subject(harness)
    subject.look(lambda *_: AWAY)
    assert subject.sent == [TRANSCRIPT_ID]

    requests = subject.look(lambda method, _: (200, "") if method == "DELETE" else RUNNING, times=3)

    assert requests.count(("DELETE", WORKFLOW)) == 1
    assert HANDED_OVER


def test_a_shadow_runs_workflow_is_not_terminated(harness: WorkerHarness) -> None:
    subject = Subject(harness)
    with subject.state.write_session() as session:
        session.get_one(Recording, "rec-1").legacy_task_id = "task-1"
        session.add(Transcript(id="shadow", shadow_of=TRANSCRIPT_ID, status="processing"))

    requests = subject.look(lambda *_: RUNNING, times=2)

    assert [one for one in requests if one[0] == "DELETE"] == []
    assert subject.sent == []
