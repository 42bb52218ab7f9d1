"""A task that reads or changes a transcript's row fails terminally without one (contracts 1.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reference_workers.worker_harness import WorkerHarness, topic, word, words
from trackproof.contracts.load import load_contracts

UNKNOWN = "transcript-of-nobody"
PAYLOADS: dict[str, dict[str, Any]] = {
    "get_participants": {"mtg_session_id": "session-1"},
    "merge_transcripts": {"transcripts": [{"words": [word("a", 0.0)]}]},
    "detect_topics": {"words": words(3)},
    "generate_title": {"topics": [topic()]},
    "generate_summary": {"words": words(3), "topics": [topic()]},
    "finalize": {"title": "t", "summary": "s", "short_summary": "s", "duration": 1},
    "cleanup_consent": {},
    "post_zulip": {},
    "send_webhook": {"room_id": "room-1"},
}
NEED_AUDIO = {"mixdown_tracks", "generate_waveform"}


def test_every_task_with_a_row_has_an_unknown_transcript_among_its_errors() -> None:
    named = {
        name
        for name, task in load_contracts().tasks.items()
        if "no such transcript" in task.errors["terminal"]
    }
    changing = {
        name
        for name, task in load_contracts().tasks.items()
        if any(row["table"] == "transcripts" for row in task.effects.get("database", ()))
    }

    assert changing <= named
    assert named == set(PAYLOADS) | NEED_AUDIO


@pytest.mark.parametrize("task", PAYLOADS)
def test_an_unknown_transcript_fails_terminally(task: str, harness: WorkerHarness) -> None:
    outcome = harness.execute(task, {**PAYLOADS[task], "transcript_id": UNKNOWN})

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert UNKNOWN in str(outcome.reason)
