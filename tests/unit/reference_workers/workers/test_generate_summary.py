from __future__ import annotations

import json

import pytest

from reference_workers.errors import TransientError
from reference_workers.workers.generate_summary import generate_summary
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
    topic,
    word,
    words,
)
from trackproof.testbed.stand_ins import Fault


def payload(spoken: list[Json], *topics: Json) -> Json:
    return {"words": spoken, "topics": list(topics), "transcript_id": TRANSCRIPT_ID}


def subjects_are(harness: WorkerHarness, count: int) -> None:
    """Answer the first call, for the subjects, with `count` of them."""
    content = json.dumps({"subjects": [f"subject {n}" for n in range(count)]})
    body = json.dumps({"choices": [{"message": {"content": content}}]})
    harness.stand_ins.faults.add(Fault(service="llm", body=body, times=1))


def test_no_subject_more_than_the_contract_allows_is_summarized(harness: WorkerHarness) -> None:
    subjects_are(harness, 7)

    output = generate_summary(
        harness.context, words=words(5), topics=[topic()], transcript_id=TRANSCRIPT_ID
    )

    assert "subject 5" in output["summary"]
    assert "subject 6" not in output["summary"]
    assert harness.calls("llm") == 2 + 2 * 6


def test_an_answer_without_subjects_is_retried(harness: WorkerHarness) -> None:
    subjects_are(harness, 0)

    with pytest.raises(TransientError, match="'subjects': the answer does not match the schema"):
        generate_summary(
            harness.context, words=words(5), topics=[topic()], transcript_id=TRANSCRIPT_ID
        )

    assert harness.calls("llm") == 1


def test_words_without_topics_are_summarized(harness: WorkerHarness) -> None:
    assert harness.completed("generate_summary", payload(words(5)))["short_summary"]


def test_the_prompt_contains_the_speakers_turns(harness: WorkerHarness) -> None:
    spoken = [word("a", 0, 0), word("b", 1, 0), word("c", 2, 1), word("d", 3, 0)]

    harness.completed("generate_summary", payload(spoken, topic()))

    first = harness.stand_ins.ledger.requests("llm")[0]
    assert first.json["messages"][0]["content"].endswith(
        "Speaker 0: a b\nSpeaker 1: c\nSpeaker 0: d"
    )


def test_a_failure_stores_no_partial_summary(harness: WorkerHarness) -> None:
    subjects_are(harness, 2)
    harness.stand_ins.faults.add(
        Fault(service="llm", delay=0.001, times=2), Fault(service="llm", status=503)
    )

    assert harness.execute("generate_summary", payload(words(5), topic())).status == "FAILED"

    assert harness.transcript().long_summary is None
    assert harness.event_names() == []
