from __future__ import annotations

from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness

RESULT = {
    "transcript_id": TRANSCRIPT_ID,
    "title": "Budget",
    "summary": "**Summary**",
    "short_summary": "Short.",
    "duration": 61.5,
}


def row(harness: WorkerHarness) -> Json:
    transcript = harness.transcript()
    return {
        "status": transcript.status,
        "title": transcript.title,
        "summary": transcript.long_summary,
        "short_summary": transcript.short_summary,
        "duration": transcript.duration,
    }


def test_a_transcript_in_error_can_end(harness: WorkerHarness) -> None:
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.status = "error"

    harness.completed("finalize", RESULT)

    assert row(harness)["status"] == "ended"
    assert harness.events("STATUS") == [{"value": "ended"}]
