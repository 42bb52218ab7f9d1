from __future__ import annotations

import json

import pytest

from reference_workers.errors import TransientError
from reference_workers.workers.detect_topics import detect_topics
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
    word,
    words,
)
from trackproof.testbed.stand_ins import Fault


def payload(count: int) -> Json:
    return {"words": words(count), "transcript_id": TRANSCRIPT_ID}


def test_a_topic_ends_with_the_word_that_ends_last(harness: WorkerHarness) -> None:
    spoken = [{**word("long", 0.0), "end": 9.0}, word("short", 1.0, 1)]

    output = harness.completed("detect_topics", {"words": spoken, "transcript_id": TRANSCRIPT_ID})

    assert output["topics"][0]["duration"] == 9.0


def test_topic_ids_are_unique_and_stable(
    harness: WorkerHarness,
) -> None:
    once = harness.completed("detect_topics", payload(301))
    again = harness.completed("detect_topics", payload(301))

    assert once == again
    assert len({topic["id"] for topic in once["topics"]}) == 2


def test_the_prompt_contains_the_target_language(harness: WorkerHarness) -> None:
    harness.completed("detect_topics", {**payload(1), "target_language": "fr"})

    (request,) = harness.stand_ins.ledger.requests("llm")
    assert "'fr'" in request.json["messages"][0]["content"]


def test_braces_in_words_are_not_expanded(harness: WorkerHarness) -> None:
    spoken = [word("{language}", 0.0), word("{0}", 1.0), word("{", 2.0)]

    harness.completed("detect_topics", {"words": spoken, "transcript_id": TRANSCRIPT_ID})

    (request,) = harness.stand_ins.ledger.requests("llm")
    assert "{language} {0} {" in request.json["messages"][0]["content"]


def completion(content: str) -> str:
    return json.dumps({"choices": [{"message": {"content": content}}]})


INVALID_RESPONSES = {
    "not JSON": "<html>",
    "no choices": "{}",
    "empty choices": '{"choices": []}',
    "content is null": '{"choices": [{"message": {"content": null}}]}',
    "prose": completion("Here is your topic: budget"),
    "a list": completion("[]"),
    "missing field": completion('{"title": "Budget"}'),
    "an empty title": completion('{"title": "", "summary": "x"}'),
    "another type": completion('{"title": 1, "summary": "x"}'),
    "extra field": completion('{"title": "a", "summary": "b", "mood": "good"}'),
}


@pytest.mark.parametrize("body", INVALID_RESPONSES.values(), ids=INVALID_RESPONSES)
def test_an_invalid_llm_response_is_retried(harness: WorkerHarness, body: str) -> None:
    harness.stand_ins.faults.add(Fault(service="llm", body=body))

    with pytest.raises(TransientError, match=r"LLM: request 'topic'|response is not JSON"):
        detect_topics(
            harness.context, words=words(1), transcript_id=TRANSCRIPT_ID, target_language="en"
        )

    assert harness.events("TOPIC") == []


def test_a_failure_stores_no_partial_topics(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(
        Fault(service="llm", delay=0.001, times=1), Fault(service="llm", status=500)
    )

    assert harness.execute("detect_topics", payload(301)).status == "FAILED"

    assert harness.transcript().topics == []
    assert harness.events("TOPIC") == []
