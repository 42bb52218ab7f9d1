"""Store the final result (contract: contracts/tasks/finalize.yaml)."""

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
    """Write the result and set the status to ended; idempotent."""
    with context.unit_of_work(transcript_id) as unit:
        transcript = unit.transcript
        transcript.title = title
        transcript.long_summary = summary
        transcript.short_summary = short_summary
        transcript.duration = duration
        unit.set_status("ended")
    return {"status": "COMPLETED"}
