"""Fetch the recording's metadata from Daily (contract: contracts/tasks/get_recording.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reference_workers.context import Context
from reference_workers.platform.state.models import MeetingRow


def get_recording(context: Context, *, recording_id: str) -> dict[str, Any]:
    """Return the recording's metadata and store its session as a meeting."""
    recording = context.clients.daily.recording(recording_id)
    if isinstance(recording.get("mtgSessionId"), str):
        context.clients.state.store_meeting(recording_id, _meeting(recording))
    if _is_length(recording.get("duration")):
        context.clients.state.store_duration(recording_id, recording["duration"])
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
        started_at=_utc(recording.get("start_ts")),
        max_participants=participants if _is_count(participants) else None,
    )


def _is_length(value: object) -> bool:
    return type(value) in {int, float} and 0 < float(str(value)) < float("inf")


def _utc(seconds: object) -> datetime | None:
    """Return epoch seconds as a datetime; None if they are invalid."""
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_count(value: object) -> bool:
    """Return whether a value fits a database column for counts."""
    return type(value) is int and 0 <= value < 2**31
