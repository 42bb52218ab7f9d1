"""One meeting as the outside world knows it: rows, keys, participants and the truth."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures_audio import Meeting, write_meeting
from trackproof.lab import RECORDING_BUCKET, Testbed
from trackproof.runs.error_rates import Limits
from trackproof.testbed.stand_ins.services.daily import DailyParticipant, DailyRecording, DailyTrack

ZULIP_STREAM = "meetings"
ZULIP_TOPIC = "transcripts"

KNOWN_IDS = frozenset({"transcript_id", "room_id", "recording_id"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """A meeting, its audio on disk and the names everything goes by."""

    meeting: Meeting
    audio: tuple[Path, ...]
    """One WebM file a track."""
    denied: frozenset[int]
    """Tracks whose participants denied consent."""
    run_id: str
    """Part of every id, so that runs on one server do not meet."""
    started_at: datetime
    ids: dict[str, Any] = field(default_factory=dict, compare=False)
    """What the fleet's seeds have printed, once they have: a fleet may have ids of its own."""
    limits: Limits = field(default_factory=Limits)
    """What its transcript may be wrong by."""

    @classmethod
    def prepared(
        cls,
        meeting: Meeting,
        folder: Path,
        *,
        denied: Sequence[int] = (),
        run_id: str | None = None,
        started_at: datetime | None = None,
    ) -> Scenario:
        """Write a meeting's audio into `folder` and give everything its name.

        Args:
            meeting: What is spoken.
            folder: Where the audio goes; made if it is not there.
            denied: Tracks whose participants deny consent.
            run_id: Makes all names known beforehand; a new one by default.
            started_at: When the meeting began; now by default.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            meeting=meeting,
            audio=tuple(write_meeting(meeting, folder)),
            denied=frozenset(denied),
            run_id=run_id or uuid.uuid4().hex[:12],
            started_at=started_at or datetime.now(UTC),
        )

    @property
    def transcript_id(self) -> str:
        """Id of the transcript to be."""
        return str(self.ids.get("transcript_id", f"transcript-{self.run_id}"))

    @property
    def recording_id(self) -> str:
        """Daily's id of the recording."""
        return f"recording-{self.run_id}"

    @property
    def session_id(self) -> str:
        """Daily's id of the meeting session."""
        return f"session-{self.run_id}"

    @property
    def room_id(self) -> str:
        """Id of the room."""
        return str(self.ids.get("room_id", self.room_name))

    @property
    def room_name(self) -> str:
        """Name of the room, which Daily knows too."""
        return f"room-{self.run_id}"

    @property
    def track_keys(self) -> tuple[str, ...]:
        """The raw tracks' S3 keys, named as Daily names them, in track order."""
        stamp = int(self.started_at.timestamp() * 1000)
        return tuple(
            f"acme/{self.room_name}/{stamp}-{track.participant.id}-cam-audio-{stamp + track.index}"
            for track in self.meeting.tracks
        )

    def workflow_input(self) -> dict[str, Any]:
        """Return what the product starts the workflow with (seed INTEG-001)."""
        return {
            "recording_id": self.recording_id,
            "room_name": self.room_name,
            "tracks": [{"s3_key": key} for key in self.track_keys],
            "bucket_name": RECORDING_BUCKET,
            "transcript_id": self.transcript_id,
            "room_id": self.room_id,
            # Whatever else the fleet's seeds have printed.
            **{name: value for name, value in self.ids.items() if name not in KNOWN_IDS},
        }

    def rows(self, webhook_url: str | None, webhook_secret: str) -> dict[str, Any]:
        """Return what the product knows of the meeting before the workflow starts."""
        return {
            "room": {
                "id": self.room_id,
                "name": self.room_name,
                "webhook_url": webhook_url,
                "webhook_secret": webhook_secret,
                "zulip_stream": ZULIP_STREAM,
                "zulip_topic": ZULIP_TOPIC,
            },
            "recording": {
                "id": self.recording_id,
                "bucket_name": RECORDING_BUCKET,
                "track_keys": list(self.track_keys),
            },
            "transcript": {"id": self.transcript_id},
            "consents": [
                {
                    "participant_id": track.participant.id,
                    "granted": track.index not in self.denied,
                }
                for track in self.meeting.tracks
            ],
        }

    def publish(self, testbed: Testbed, *, session: bool = True) -> None:
        """Put the raw tracks into S3 and the recording into Daily, which may know no session."""
        for key, path in zip(self.track_keys, self.audio, strict=True):
            testbed.s3.put_file(RECORDING_BUCKET, key, path)
        began = int(self.started_at.timestamp())
        testbed.stand_ins.daily.add_recording(
            DailyRecording(
                id=self.recording_id,
                room_name=self.room_name,
                start_ts=began,
                duration=round(self.meeting.duration),
                mtg_session_id=self.session_id if session else None,
                max_participants=len(self.meeting.tracks),
                tracks=tuple(
                    DailyTrack(key, path.stat().st_size)
                    for key, path in zip(self.track_keys, self.audio, strict=True)
                ),
            )
        )
        testbed.stand_ins.daily.add_meeting(
            self.session_id,
            [
                DailyParticipant(
                    participant_id=track.participant.id,
                    join_time=began + int(track.offset),
                    duration=round(track.duration),
                    user_id=track.participant.user_id,
                    user_name=track.participant.name,
                )
                for track in self.meeting.tracks
            ],
        )
