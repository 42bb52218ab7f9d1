"""Pipelines are started as the switch says, each once, whatever Conductor answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import stamina

from reference_workers.errors import MissingError, PermanentError
from reference_workers.platform.client import ConductorClient
from reference_workers.platform.state.models import Consent, Recording, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.recordings import FinishedRecording
from reference_workers.platform.trigger.switch import Switch
from tests.unit.reference_workers.conductor_server import Answer, ConductorServer, conductor_server
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness

START = "/api/workflow/diarization_pipeline"
RUNNING = "/api/workflow/running/diarization_pipeline"
SEARCH = "/api/workflow/search"
ADA, BOB = "acme/r/17-p-ada-cam-audio-18", "acme/r/17-p-bob-cam-audio-19"
RECORDING = FinishedRecording(
    "rec-9", "Standup", "recordings", [ADA, "acme/r/17-p-ada-screen-video-18", BOB]
)
CONDUCTOR = Switch(conductor=True, legacy=False, fallback=True)
CONDUCTOR_ONLY = Switch(conductor=True, legacy=False, fallback=False)
SHADOW = Switch(conductor=True, legacy=True, fallback=False)
LEGACY = Switch(conductor=False, legacy=True, fallback=False)


@dataclass
class Subject:
    """A trigger, its Conductor and the legacy tasks that it sent."""

    trigger: Trigger
    conductor: ConductorServer
    sent: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Id, transcript and track keys of each legacy task."""

    def started(self) -> list[Any]:
        return self.conductor.bodies("POST", START)

    def row(self) -> Recording:
        with self.trigger.state.read_session() as session:
            found = session.get(Recording, "rec-9")
        assert found is not None
        return found


def healthy(method: str, path: str) -> Answer:
    """Start what is asked for; nothing else runs."""
    if (method, path) == ("POST", START):
        return 200, "workflow-9"
    return (200, []) if path == RUNNING else (200, {"totalHits": 0, "results": []})


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def subject_of(harness: WorkerHarness) -> Callable[..., Any]:
    @contextmanager
    def subject(
        switch: Switch, answer: Callable[[str, str], Answer] = healthy
    ) -> Iterator[Subject]:
        with conductor_server(answer) as server:
            sent: list[tuple[str, str, tuple[str, ...]]] = []
            trigger = Trigger(
                harness.clients.state,
                switch,
                lambda: ConductorClient(server.url, timeout=5),
                lambda task_id, transcript, row: sent.append(
                    (task_id, transcript.id, tuple(row.track_keys))
                ),
            )
            yield Subject(trigger, server, sent)

    return subject


def test_the_workflow_gets_the_seeds_input_and_its_id_is_stored(
    subject_of: Callable[..., Any],
) -> None:
    with subject_of(CONDUCTOR) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)

        assert subject.started() == [
            {
                "recording_id": "rec-9",
                "room_name": "Standup",
                "tracks": [{"s3_key": ADA}, {"s3_key": BOB}],
                "bucket_name": "recordings",
                "transcript_id": transcript.id,
                "room_id": "room-1",
                "source_language": "en",
                "target_language": "en",
            }
        ]
        [query] = subject.conductor.queries("POST", START)
        assert query["correlationId"] == [transcript.id]
        assert subject.row().workflow_id == "workflow-9"
        assert subject.sent == []


def test_each_switch_starts_its_pipelines(subject_of: Callable[..., Any]) -> None:
    with subject_of(LEGACY) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)

        assert subject.started() == []
        assert [(one, keys) for _, one, keys in subject.sent] == [(transcript.id, (ADA, BOB))]
        assert subject.row().legacy_task_id == subject.sent[0][0]


def test_a_shadow_run_has_a_transcript_of_its_own_without_room(
    subject_of: Callable[..., Any], harness: WorkerHarness
) -> None:
    state = harness.clients.state
    with subject_of(SHADOW) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)

        [given] = subject.started()
        shadow = state.transcript(given["transcript_id"])
        assert (shadow.shadow_of, shadow.recording_id) == (transcript.id, None)
        assert shadow.room_id is None
        assert given["room_id"] is None
        assert [one for _, one, _ in subject.sent] == [transcript.id]
        assert subject.row().workflow_id == "workflow-9"


def test_a_shadow_run_has_the_consents_of_its_meeting(
    subject_of: Callable[..., Any], harness: WorkerHarness
) -> None:
    state = harness.clients.state
    with subject_of(LEGACY) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)
    with state.write_session() as session:
        session.get_one(Recording, "rec-9").legacy_task_id = None
        session.add(Consent(transcript_id=transcript.id, participant_id="p-ada", granted=False))

    with subject_of(SHADOW) as subject:
        subject.trigger.process_multitrack_recording(RECORDING)

        [given] = subject.started()
    answers = {one.participant_id: one.granted for one in state.consents(given["transcript_id"])}
    assert answers == {"p-ada": False}


@pytest.mark.parametrize(
    "switch", [CONDUCTOR, SHADOW, LEGACY], ids=["conductor", "shadow", "legacy"]
)
def test_a_recording_that_comes_again_starts_nothing(
    switch: Switch, subject_of: Callable[..., Any]
) -> None:
    with subject_of(switch) as subject:
        first = subject.trigger.process_multitrack_recording(RECORDING)
        again = subject.trigger.process_multitrack_recording(RECORDING)

        assert again.id == first.id
        assert len(subject.started()) == int(switch.conductor)
        assert len(subject.sent) == int(switch.legacy)


def test_a_recording_that_comes_ten_times_at_once_starts_one_workflow(
    subject_of: Callable[..., Any],
) -> None:
    together = threading.Barrier(10)

    def process(trigger: Trigger) -> Transcript:
        together.wait()
        return trigger.process_multitrack_recording(RECORDING)

    with subject_of(CONDUCTOR) as subject, ThreadPoolExecutor(10) as threads:
        transcripts = list(threads.map(process, [subject.trigger] * 10))

        assert len({one.id for one in transcripts}) == 1
        assert len(subject.started()) == 1


@pytest.mark.parametrize(
    ("recording", "error", "reason"),
    [
        (FinishedRecording("rec-9", "Standup", "b", []), PermanentError, "no microphone track"),
        (
            FinishedRecording("rec-9", "Standup", "b", ["1-a-screen-audio-2"]),
            PermanentError,
            "no microphone track among its 1",
        ),
        (FinishedRecording("rec-9", "Elsewhere", "b", [ADA]), MissingError, "no room"),
        (
            FinishedRecording("rec-9", "Standup", "b", [ADA, "../1-a-cam-audio-2"]),
            PermanentError,
            "leaves its folder",
        ),
    ],
)
def test_an_unacceptable_recording_starts_and_stores_nothing(
    recording: FinishedRecording,
    error: type[Exception],
    reason: str,
    subject_of: Callable[..., Any],
) -> None:
    with subject_of(CONDUCTOR) as subject:
        with pytest.raises(error, match=reason):
            subject.trigger.process_multitrack_recording(recording)

        assert subject.conductor.requests == []
        assert subject.sent == []
        with subject.trigger.state.read_session() as session:
            assert session.get(Recording, "rec-9") is None


def _refusing(status: int, body: Any) -> Callable[[str, str], Answer]:
    def answer(method: str, path: str) -> Answer:
        return (status, body) if (method, path) == ("POST", START) else healthy(method, path)

    return answer


FAILING = {
    "refuses": _refusing(500, {"message": "no such workflow"}),
    "is no Conductor": lambda *_: (200, "<html>It works!</html>"),
    "answers nothing": lambda *_: (0, None),
    "lost the request": _refusing(0, None),
    "gateway time-out": _refusing(504, "<html>504</html>"),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING)
def test_a_start_that_fails_falls_back_once(
    answer: Callable[[str, str], Answer], subject_of: Callable[..., Any]
) -> None:
    with subject_of(CONDUCTOR, answer) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)
        subject.trigger.process_multitrack_recording(RECORDING)

        assert [one for _, one, _ in subject.sent] == [transcript.id]
        assert subject.row().workflow_id is None


@pytest.mark.parametrize("switch", [CONDUCTOR_ONLY, SHADOW], ids=["only", "shadow"])
def test_a_start_that_fails_without_fallback_sends_what_is_due_anyway(
    switch: Switch, subject_of: Callable[..., Any]
) -> None:
    with subject_of(switch, FAILING["refuses"]) as subject:
        subject.trigger.process_multitrack_recording(RECORDING)

        assert len(subject.sent) == int(switch.legacy)


def test_without_fallback_a_failed_start_is_tried_again_when_the_recording_comes_again(
    subject_of: Callable[..., Any],
) -> None:
    with subject_of(CONDUCTOR_ONLY, FAILING["refuses"]) as subject:
        subject.trigger.process_multitrack_recording(RECORDING)
    with subject_of(CONDUCTOR_ONLY) as subject:
        subject.trigger.process_multitrack_recording(RECORDING)

        assert subject.row().workflow_id == "workflow-9"


def test_a_workflow_that_was_started_without_an_answer_is_found_and_stored(
    subject_of: Callable[..., Any],
) -> None:
    running: list[Any] = []

    def transcript_id() -> str | None:
        state: State = subject.trigger.state
        return state.transcript_id_of_recording("rec-9")

    def losing(method: str, path: str) -> Answer:
        if (method, path) == ("POST", START):
            running.append("workflow-8")
            return 0, None
        if path == RUNNING:
            return 200, ["workflow-other", *running]
        if path == "/api/workflow/workflow-other":
            return 200, {"status": "RUNNING", "correlationId": "another"}
        if path == "/api/workflow/workflow-8":
            return 200, {"status": "RUNNING", "correlationId": transcript_id()}
        return healthy(method, path)

    with subject_of(CONDUCTOR, losing) as subject:
        subject.trigger.process_multitrack_recording(RECORDING)

        assert subject.row().workflow_id == "workflow-8"
        assert subject.sent == []


def test_a_start_that_nobody_stored_is_found_and_not_repeated(
    subject_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class DiedError(Exception):
        pass

    def die(*_: object) -> None:
        raise DiedError

    running: list[str] = []

    def answer(method: str, path: str) -> Answer:
        if (method, path) == ("POST", START):
            running.append("workflow-9")
            return 200, "workflow-9"
        if path == RUNNING:
            return 200, running
        if path == "/api/workflow/workflow-9":
            state: State = subject.trigger.state
            transcript_id = state.transcript_id_of_recording("rec-9")
            return 200, {"status": "RUNNING", "correlationId": transcript_id}
        return healthy(method, path)

    with subject_of(CONDUCTOR, answer) as subject:
        with monkeypatch.context() as patch:
            patch.setattr(State, "store_workflow", die)
            with pytest.raises(DiedError):
                subject.trigger.process_multitrack_recording(RECORDING)
        subject.trigger.process_multitrack_recording(RECORDING)

        assert len(subject.started()) == 1
        assert subject.row().workflow_id == "workflow-9"
        assert subject.sent == []


@pytest.mark.parametrize("switch", [CONDUCTOR, SHADOW, LEGACY], ids=("alone", "shadow", "legacy"))
@pytest.mark.parametrize("status", ["processing", "ended", "error"])
def test_a_meeting_of_the_time_before_the_trigger_is_not_processed_again(
    status: str, switch: Switch, subject_of: Callable[..., Any], harness: WorkerHarness
) -> None:
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status(status)

    with subject_of(switch) as subject:
        subject.trigger.process_multitrack_recording(replace(RECORDING, recording_id="rec-1"))

        assert subject.started() == []
        assert subject.sent == []


def test_a_meeting_is_handed_over_once(subject_of: Callable[..., Any]) -> None:
    with subject_of(CONDUCTOR) as subject:
        transcript = subject.trigger.process_multitrack_recording(RECORDING)

        assert subject.trigger.fall_back("rec-9", "Conductor is away")
        assert not subject.trigger.fall_back("rec-9", "Conductor is away")
        assert not subject.trigger.fall_back("unknown", "Conductor is away")
        assert [one for _, one, _ in subject.sent] == [transcript.id]
        assert subject.trigger.state.is_handed_over(transcript.id)
