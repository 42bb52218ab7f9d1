"""Scenario of a run: a meeting with its ids, S3 keys, database rows and consent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures_audio import Meeting, render, write_meeting
from fixtures_audio.webm import Sound
from trackproof.lab import RECORDING_BUCKET, Testbed
from trackproof.runs.error_rates import ErrorRateLimits
from trackproof.testbed.stand_ins.services.daily import DailyParticipant, DailyRecording, DailyTrack

ZULIP_STREAM = "meetings"
ZULIP_TOPIC = "transcripts"

KNOWN_IDS = frozenset({"transcript_id", "room_id", "recording_id"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """A meeting, its audio files and its ids."""

    meeting: Meeting
    audio: tuple[Path, ...]
    """One WebM file per track."""
    denied: frozenset[int]
    """Tracks whose participants denied consent."""
    run_id: str
    """Part of every id, so that runs on the same server do not collide."""
    started_at: datetime
    ids: dict[str, Any] = field(default_factory=dict, compare=False)
    """Ids that the fleet's seeders printed; they replace the scenario's own."""
    limits: ErrorRateLimits = field(default_factory=ErrorRateLimits)
    """Maximum error rates of the transcript."""
    key_patterns: tuple[str, ...] = ()
    """S3 keys of the raw tracks instead of Daily's; `{room}` stands for the room's name."""
    room: str = ""
    """The run id of the meeting in whose room this one is; its own by default."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """`source_language` and `target_language` of the workflow's input; its defaults if missing."""

    @classmethod
    def create(
        cls,
        meeting: Meeting,
        folder: Path,
        *,
        denied: Sequence[int] = (),
        run_id: str | None = None,
        started_at: datetime | None = None,
        sound: Sound = render,
    ) -> Scenario:
        """Write a meeting's audio files and choose its ids.

        Args:
            meeting: The meeting.
            folder: Folder of the audio files; created if missing.
            denied: Indices of tracks whose participants deny consent.
            run_id: Determines all ids; random by default.
            started_at: Start of the meeting; now by default.
            sound: Renders a track's samples.
        """
        folder.mkdir(parents=True, exist_ok=True)
        audio = write_meeting(meeting, folder, sound=sound)
        return cls.recorded(meeting, audio, denied=denied, run_id=run_id, started_at=started_at)

    @classmethod
    def recorded(
        cls,
        meeting: Meeting,
        audio: Sequence[Path],
        *,
        denied: Sequence[int] = (),
        run_id: str | None = None,
        started_at: datetime | None = None,
    ) -> Scenario:
        """Choose the ids of a meeting whose audio files exist; see `create`."""
        return cls(
            meeting=meeting,
            audio=tuple(audio),
            denied=frozenset(denied),
            run_id=run_id or uuid.uuid4().hex[:12],
            started_at=started_at or datetime.now(UTC),
        )

    @property
    def transcript_id(self) -> str:
        """Id of the transcript."""
        return str(self.ids.get("transcript_id", f"transcript-{self.run_id}"))

    @property
    def recording_id(self) -> str:
        """Id of the recording at Daily."""
        return f"recording-{self.run_id}"

    @property
    def session_id(self) -> str:
        """Id of the meeting session at Daily."""
        return f"session-{self.run_id}"

    @property
    def room_id(self) -> str:
        """Id of the room."""
        return str(self.ids.get("room_id", f"r{self.room or self.run_id}"))

    @property
    def room_name(self) -> str:
        """Name of the room, in the database and at Daily."""
        return f"room-{self.room or self.run_id}"

    @property
    def track_keys(self) -> tuple[str, ...]:
        """S3 keys of the raw tracks, by default in Daily's naming scheme, in track order."""
        if self.key_patterns:
            return tuple(one.replace("{room}", self.room_name) for one in self.key_patterns)
        stamp = int(self.started_at.timestamp() * 1000)
        return tuple(
            f"acme/{self.room_name}/{stamp}-{track.participant.id}-cam-audio-{stamp + track.index}"
            for track in self.meeting.tracks
        )

    def workflow_input(self) -> dict[str, Any]:
        """Return the input that the product starts the workflow with (INTEG-001)."""
        return {
            "recording_id": self.recording_id,
            "room_name": self.room_name,
            "tracks": [{"s3_key": key} for key in self.track_keys],
            "bucket_name": RECORDING_BUCKET,
            "transcript_id": self.transcript_id,
            "room_id": self.room_id,
            **self.languages,
            # Other ids that the fleet's seeders printed.
            **{name: value for name, value in self.ids.items() if name not in KNOWN_IDS},
        }

    def rows(self, webhook_url: str | None, webhook_secret: str | None) -> dict[str, Any]:
        """Return the database rows that exist before the workflow starts."""
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
        """Upload the raw tracks to S3 and add the recording, with or without session, to Daily."""
        for key, path in zip(self.track_keys, self.audio, strict=True):
            testbed.s3.put_file(RECORDING_BUCKET, key, path)
        start = int(self.started_at.timestamp())
        testbed.stand_ins.daily.add_recording(
            DailyRecording(
                id=self.recording_id,
                room_name=self.room_name,
                start_ts=start,
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
                    join_time=start + int(track.offset),
                    duration=round(track.duration),
                    user_id=track.participant.user_id,
                    user_name=track.participant.name,
                )
                for track in self.meeting.tracks
            ],
        )
