"""Recordings that the trigger gets, each in a room of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.ids import id_sequence
from trackproof.runs.scenario import Scenario
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.daily_webhooks import ready_event
from trackproof.testbed.stand_ins.services.daily import DailyTrack

CAM_AUDIO = "-cam-audio-"


@dataclass(frozen=True, slots=True)
class Case:
    """A finished recording of a known room, of which the product has no row."""

    scenario: Scenario
    audio_keys: tuple[str, ...]
    """Its microphone tracks."""
    other_keys: tuple[str, ...] = ()
    """Its videos and shared screens."""

    @property
    def recording_id(self) -> str:
        """Id of the recording at Daily."""
        return self.scenario.recording_id

    def event(self, **payload: Any) -> bytes:
        """Return Daily's event about it; `payload` replaces fields of its payload."""
        keys = (*self.other_keys[:1], *self.audio_keys, *self.other_keys[1:])
        return ready_event(self.recording_id, self.scenario.room_name, keys, **payload)

    def is_named_in(self, text: str) -> bool:
        """Return whether a text has its id or a key of its tracks."""
        return any(name in text for name in (self.recording_id, *self.audio_keys))

    def list_for(self, harness: Harness, *daily_keys: str) -> None:
        """Let Daily list it for triggers that poll, by their keys."""
        daily = harness.testbed.stand_ins.daily
        keys = (*self.other_keys[:1], *self.audio_keys, *self.other_keys[1:])
        tracks = tuple(
            DailyTrack(key, 1000, "video" if "-video-" in key else "audio") for key in keys
        )
        recording = replace(daily.recording(self.recording_id), tracks=tracks)
        for key in daily_keys:
            daily.list_recording(key, recording)


def prepare_case(harness: Harness, **meeting: Any) -> Case:
    """Return a recording whose room exists; its tracks are in S3, and Daily knows it.

    The room is seeded with a meeting of its own, because seeders write whole meetings.

    Args:
        harness: The fleet that seeds the room.
        meeting: As for `Harness.meeting`.
    """
    earlier = harness.meeting(**meeting)
    scenario = replace(
        earlier,
        run_id=id_sequence().new(),
        room=earlier.room or earlier.run_id,
        ids={name: value for name, value in earlier.ids.items() if name == "room_id"},
    )
    scenario.publish(harness.testbed)
    return Case(scenario, scenario.track_keys)


def prepare_mixed_case(harness: Harness) -> Case:
    """Return a recording with videos, shared screens, and a participant who rejoined."""
    case = prepare_case(harness, tracks=2, seconds=6.0, offsets=(0.0, 1.0), seed=301)
    first, *_ = case.audio_keys
    before, _, stamp = first.rpartition(CAM_AUDIO)
    rejoined = f"{before}{CAM_AUDIO}{int(stamp) + 7000}"
    harness.testbed.s3.put_file(RECORDING_BUCKET, rejoined, case.scenario.audio[0])
    others = tuple(
        f"{before}-{kind}-{int(stamp) + number}"
        for number, kind in enumerate(("cam-video", "screen-audio", "screen-video"), start=20)
    )
    return replace(case, audio_keys=(*case.audio_keys, rejoined), other_keys=others)
