"""Fetch the recording's metadata from Daily (contract: contracts/tasks/get_recording.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.context import Context


def get_recording(context: Context, *, recording_id: str) -> dict[str, Any]:
    """Return what the pipeline needs to know of a recording."""
    recording = context.clients.daily.recording(recording_id)
    return {
        "id": recording.get("id"),
        "mtg_session_id": recording.get("mtgSessionId"),
        "room_name": recording.get("room_name"),
        "duration": recording.get("duration") or 0,
    }
