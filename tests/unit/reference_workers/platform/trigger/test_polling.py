"""The polling loop finds every finished recording, and goes on after failures."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from reference_workers.errors import TransientError
from reference_workers.platform.state.models import Room
from reference_workers.platform.trigger.polling import RecordingPoller
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.switch import Switch
from reference_workers.services.daily import PAGE_SIZE
from tests.unit.reference_workers.worker_harness import WorkerHarness
from trackproof.testbed.stand_ins import DailyRecording
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.services.daily import DailyTrack

AUDIO = (DailyTrack("acme/r/17-p-ada-cam-audio-18", 1),)


@pytest.fixture
def sent() -> list[str]:
    return []


@pytest.fixture
def poller(harness: WorkerHarness, sent: list[str]) -> RecordingPoller:
    def no_conductor() -> None:
        raise AssertionError("the switch names no Conductor")

    trigger = Trigger(
        harness.clients.state,
        Switch(conductor=False, legacy=True, fallback=False),
        no_conductor,  # type: ignore[arg-type]
        lambda _id, _transcript, row: sent.append(row.id),
    )
    return RecordingPoller(trigger, harness.clients.daily, bucket_name="recordings", seconds=0.01)


def test_all_pages_are_read_and_only_finished_recordings_processed(
    poller: RecordingPoller, sent: list[str], harness: WorkerHarness
) -> None:
    finished = [f"rec-{number:03}" for number in range(100, 100 + PAGE_SIZE + 20)]
    for number, one in enumerate(finished):
        harness.stand_ins.daily.add_recording(
            DailyRecording(one, "Standup", 1_800_000_000 + number, 5, tracks=AUDIO)
        )
    harness.stand_ins.daily.add_recording(
        DailyRecording("rec-live", "Standup", 1_900_000_000, 5, status="in-progress", tracks=AUDIO)
    )

    poller.poll()
    poller.poll()

    assert sorted(sent) == finished


def test_a_recording_that_is_refused_is_logged_once(
    poller: RecordingPoller, sent: list[str], harness: WorkerHarness
) -> None:
    harness.stand_ins.daily.add_recording(
        DailyRecording("rec-silent", "Standup", 1_800_000_000, 5, tracks=())
    )
    harness.stand_ins.daily.add_recording(
        DailyRecording("rec-y", "Standup", 1_700_000_000, 5, tracks=AUDIO)
    )

    with capture_logs() as logs:
        poller.poll()
        poller.poll()

    refused = [one["recording_id"] for one in logs if one["event"] == "recording refused"]
    assert refused.count("rec-silent") == 1
    assert sent == ["rec-y"]


def test_a_recording_whose_room_comes_later_is_processed_then(
    poller: RecordingPoller, sent: list[str], harness: WorkerHarness
) -> None:
    harness.stand_ins.daily.add_recording(
        DailyRecording("rec-x", "Elsewhere", 1_800_000_000, 5, tracks=AUDIO)
    )
    poller.poll()
    with harness.clients.state.write_session() as session:
        session.add(Room(id="room-2", name="Elsewhere"))

    poller.poll()

    assert sent == ["rec-x"]


def test_an_outage_of_daily_fails_the_round_only(
    poller: RecordingPoller, sent: list[str], harness: WorkerHarness
) -> None:
    harness.stand_ins.daily.add_recording(
        DailyRecording("rec-y", "Standup", 1_700_000_000, 5, tracks=AUDIO)
    )
    harness.stand_ins.faults.add(Fault(service="daily", status=503, times=1))

    with pytest.raises(TransientError):
        poller.poll()
    poller.poll()

    assert sent == ["rec-y"]
