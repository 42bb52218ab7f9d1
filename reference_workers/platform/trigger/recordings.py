"""Finished recordings, and the rows that the product stores before it starts a pipeline."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from reference_workers.errors import ConflictError, MissingError
from reference_workers.platform.state.models import Consent, Recording, Room, Transcript
from reference_workers.platform.state.repository import State

TRANSCRIPT_IDS = uuid.UUID("0a6b1c0e-58c5-5e0b-9d1d-8c2f0f8f1c5d")
"""UUID namespace of the transcripts' ids: one recording has one transcript in every process."""


@dataclass(frozen=True, slots=True)
class FinishedRecording:
    """A recording whose tracks are in S3, as Daily reports it."""

    recording_id: str
    room_name: str
    """Daily's name of the room."""
    bucket_name: str
    track_keys: Sequence[str]
    """Keys of all raw tracks, videos and shared screens included."""


def register_recording(
    state: State, recording: FinishedRecording, track_keys: Sequence[str]
) -> Transcript:
    """Store the recording and its transcript unless they are there; return the transcript.

    Args:
        state: The database.
        recording: The recording.
        track_keys: Its microphone tracks.

    Raises:
        MissingError: No room has this name.
        TransientError: The database does not answer.
    """
    transcript = _transcript_of(state, recording.recording_id)
    if transcript is not None:
        return transcript
    with state.read_session() as session:
        room = session.scalars(select(Room).where(Room.name == recording.room_name)).first()
    if room is None:
        raise MissingError(f"no room is called {recording.room_name[:80]!r}")
    try:
        with state.write_session() as session:
            if session.get(Recording, recording.recording_id) is None:
                session.add(
                    Recording(
                        id=recording.recording_id,
                        bucket_name=recording.bucket_name,
                        track_keys=list(track_keys),
                    )
                )
                session.flush()
            session.add(
                Transcript(
                    id=str(uuid.uuid5(TRANSCRIPT_IDS, recording.recording_id)),
                    recording_id=recording.recording_id,
                    room_id=room.id,
                    status="uploaded",
                )
            )
    except ConflictError:
        pass  # another process was first
    transcript = _transcript_of(state, recording.recording_id)
    if transcript is None:
        raise ConflictError(f"recording {recording.recording_id!r} was removed meanwhile")
    return transcript


def register_shadow(state: State, transcript: Transcript) -> Transcript:
    """Store the transcript of a shadow run unless it is there; return it.

    It has the consents of the transcript it shadows, and no room: nothing is delivered.

    Raises:
        TransientError: The database does not answer.
    """
    shadow_id = str(uuid.uuid5(TRANSCRIPT_IDS, f"shadow of {transcript.id}"))
    try:
        with state.write_session() as session:
            if session.get(Transcript, shadow_id) is None:
                session.add(
                    Transcript(
                        id=shadow_id,
                        shadow_of=transcript.id,
                        source_language=transcript.source_language,
                        target_language=transcript.target_language,
                        status="uploaded",
                    )
                )
                session.flush()
                query = select(Consent).where(Consent.transcript_id == transcript.id)
                session.add_all(
                    Consent(
                        transcript_id=shadow_id,
                        participant_id=consent.participant_id,
                        granted=consent.granted,
                    )
                    for consent in session.scalars(query)
                )
    except ConflictError:
        pass  # another process was first
    return state.transcript(shadow_id)


def _transcript_of(state: State, recording_id: str) -> Transcript | None:
    with state.read_session() as session:
        query = select(Transcript).where(Transcript.recording_id == recording_id)
        return session.scalars(query).first()
