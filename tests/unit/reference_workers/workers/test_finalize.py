from __future__ import annotations

import pytest

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


def test_the_result_is_final_in_the_database(harness: WorkerHarness) -> None:
    output = harness.completed("finalize", RESULT)

    assert output == {"status": "COMPLETED"}
    assert row(harness) == {
        "status": "ended",
        "title": "Budget",
        "summary": "**Summary**",
        "short_summary": "Short.",
        "duration": 61.5,
    }
    assert harness.events("STATUS") == [{"value": "ended"}]


def test_twice_leaves_what_once_leaves(harness: WorkerHarness) -> None:
    harness.completed("finalize", RESULT)
    once = row(harness)

    harness.completed("finalize", RESULT)

    assert row(harness) == once
    assert harness.events("STATUS") == [{"value": "ended"}]


def test_a_meeting_that_was_in_error_ends_after_all(harness: WorkerHarness) -> None:
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.status = "error"

    harness.completed("finalize", RESULT)

    assert row(harness)["status"] == "ended"
    assert harness.events("STATUS") == [{"value": "ended"}]


@pytest.mark.parametrize("field", RESULT)
def test_a_result_that_lacks_a_field_is_refused_and_nothing_is_written(
    harness: WorkerHarness, field: str
) -> None:
    payload = {key: value for key, value in RESULT.items() if key != field}

    outcome = harness.execute("finalize", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert field in str(outcome.reason)
    assert harness.transcript().title is None


def test_an_empty_meeting_can_end_too(harness: WorkerHarness) -> None:
    empty = {**RESULT, "title": "Untitled Meeting", "summary": "", "short_summary": ""}

    assert harness.completed("finalize", empty) == {"status": "COMPLETED"}
