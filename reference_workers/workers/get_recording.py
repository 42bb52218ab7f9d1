"""Fetch the recording's metadata from Daily (contract: contracts/tasks/get_recording.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reference_workers.context import Context
from reference_workers.platform.state.models import MeetingRow


def get_recording(context: Context, *, recording_id: str) -> dict[str, Any]:
    """Return what the pipeline needs of a recording; keep what Daily says of its session."""
    recording = context.clients.daily.recording(recording_id)
    if isinstance(recording.get("mtgSessionId"), str):
        context.clients.state.store_meeting(recording_id, _meeting(recording))
    return {
        "id": recording.get("id"),
        "mtg_session_id": recording.get("mtgSessionId"),
        "room_name": recording.get("room_name"),
        "duration": recording.get("duration") or 0,
    }


def _meeting(recording: Mapping[str, Any]) -> MeetingRow:
    room_name, participants = recording.get("room_name"), recording.get("max_participants")
    return MeetingRow(
        id=recording["mtgSessionId"],
        room_name=room_name if isinstance(room_name, str) else None,
        started_at=_moment(recording.get("start_ts")),
        max_participants=participants if _counts(participants) else None,
    )


def _moment(seconds: object) -> datetime | None:
    """Return the moment so many seconds after the epoch; None for what is no such number."""
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _counts(value: object) -> bool:
    """Tell whether it is a number of people that a database can hold."""
    return type(value) is int and 0 <= value < 2**31
