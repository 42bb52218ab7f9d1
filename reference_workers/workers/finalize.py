"""Make the result final (contract: contracts/tasks/finalize.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.context import Context


def finalize(
    context: Context,
    *,
    transcript_id: str,
    title: str,
    summary: str,
    short_summary: str,
    duration: float,
) -> dict[str, Any]:
    """Write the result and the status; doing it twice leaves what doing it once leaves."""
    with context.edit(transcript_id) as edit:
        transcript = edit.transcript
        transcript.title = title
        transcript.long_summary = summary
        transcript.short_summary = short_summary
        transcript.duration = duration
        edit.set_status("ended")
    return {"status": "COMPLETED"}
