"""Fetch the participants from Daily (contract: contracts/tasks/get_participants.yaml)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from reference_workers.context import Context
from reference_workers.errors import TransientError


def get_participants(
    context: Context, *, mtg_session_id: str | None, transcript_id: str | None
) -> dict[str, Any]:
    """Return the session's participants; none without a session id."""
    participants = _participants(context, mtg_session_id) if mtg_session_id else []
    if transcript_id is not None:
        _store(context, transcript_id, participants)
    return {"participants": participants}


def _participants(context: Context, session_id: str) -> list[dict[str, Any]]:
    people = context.clients.daily.participants(session_id)
    try:
        return [
            {
                # A guest may have no id; each participant needs one.
                "participant_id": person["participant_id"] or f"participant-{number}",
                "user_name": _text(person.get("user_name")),
                "user_id": _text(person.get("user_id")),
            }
            for number, person in enumerate(people, 1)
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise TransientError("Daily: unexpected shape of the participants") from error


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _store(context: Context, transcript_id: str, participants: Sequence[dict[str, Any]]) -> None:
    state = context.clients.state
    recording = state.recording_of(state.transcript(transcript_id))
    track_keys = recording.track_keys if recording else []
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.participants = [
            {
                "id": person["participant_id"],
                "name": person["user_name"],
                "speaker": _speaker(person["participant_id"], track_keys),
            }
            for person in participants
        ]
        unit.set_status("processing")


def _speaker(participant_id: str, track_keys: Sequence[str]) -> int | None:
    """Return the index of a participant's first track.

    Daily names a track `<recording start>-<participant id>-cam-audio-<track start>`; an id may be
    the beginning of another.
    """
    name = re.compile(rf"(?:^|[/-]){re.escape(participant_id)}-cam-audio")
    return next((index for index, key in enumerate(track_keys) if name.search(key)), None)
