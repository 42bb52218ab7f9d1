from __future__ import annotations

import json

import pytest

from reference_workers.errors import PermanentError, TransientError
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


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (300, 1), (301, 2), (900, 3)])
def test_the_llm_is_asked_once_for_every_three_hundred_words(
    harness: WorkerHarness, count: int, calls: int
) -> None:
    output = harness.completed("detect_topics", payload(count))

    assert harness.calls("llm") == calls
    assert len(output["topics"]) == calls
    assert harness.events("TOPIC") == output["topics"]
    assert harness.transcript().topics == output["topics"]


def test_no_word_is_lost_between_two_chunks(harness: WorkerHarness) -> None:
    harness.completed("detect_topics", payload(301))

    first, second = (
        request.json["messages"][0]["content"].split()
        for request in harness.stand_ins.ledger.requests("llm")
    )
    assert "word0" in first
    assert "word299" in first
    assert "word300" not in first
    assert "word300" in second
    assert "word299" not in second


def test_a_topic_lasts_from_its_first_word_to_the_end_of_its_last(harness: WorkerHarness) -> None:
    output = harness.completed("detect_topics", payload(301))

    first, second = output["topics"]
    assert (first["timestamp"], first["duration"]) == (0.0, pytest.approx(149.6))
    assert (second["timestamp"], second["duration"]) == (150.0, pytest.approx(0.1))


def test_a_long_word_of_another_speaker_counts_for_the_topics_end(harness: WorkerHarness) -> None:
    spoken = [{**word("long", 0.0), "end": 9.0}, word("short", 1.0, 1)]

    output = harness.completed("detect_topics", {"words": spoken, "transcript_id": TRANSCRIPT_ID})

    assert output["topics"][0]["duration"] == 9.0


def test_topics_keep_their_ids_through_a_retry_and_differ_from_each_other(
    harness: WorkerHarness,
) -> None:
    once = harness.completed("detect_topics", payload(301))
    again = harness.completed("detect_topics", payload(301))

    assert once == again
    assert len({topic["id"] for topic in once["topics"]}) == 2


def test_a_tracer_that_was_spoken_surfaces_in_the_topic(harness: WorkerHarness) -> None:
    spoken = [word("budget", 0.0), word("albatross", 1.0)]

    output = harness.completed("detect_topics", {"words": spoken, "transcript_id": TRANSCRIPT_ID})

    assert "albatross" in str(output["topics"][0]).lower()


def test_the_answer_is_asked_for_in_the_target_language(harness: WorkerHarness) -> None:
    harness.completed("detect_topics", {**payload(1), "target_language": "fr"})

    (request,) = harness.stand_ins.ledger.requests("llm")
    assert "'fr'" in request.json["messages"][0]["content"]


def test_words_that_look_like_a_template_do_no_harm(harness: WorkerHarness) -> None:
    spoken = [word("{language}", 0.0), word("{0}", 1.0), word("{", 2.0)]

    harness.completed("detect_topics", {"words": spoken, "transcript_id": TRANSCRIPT_ID})

    (request,) = harness.stand_ins.ledger.requests("llm")
    assert "{language} {0} {" in request.json["messages"][0]["content"]


def completion(content: str) -> str:
    return json.dumps({"choices": [{"message": {"content": content}}]})


RUBBISH = {
    "no JSON": "<html>",
    "no choices": "{}",
    "empty choices": '{"choices": []}',
    "content is null": '{"choices": [{"message": {"content": null}}]}',
    "prose": completion("Here is your topic: budget"),
    "a list": completion("[]"),
    "a field is missing": completion('{"title": "Budget"}'),
    "an empty title": completion('{"title": "", "summary": "x"}'),
    "another type": completion('{"title": 1, "summary": "x"}'),
    "a field too many": completion('{"title": "a", "summary": "b", "mood": "good"}'),
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH)
def test_an_answer_that_does_not_fit_the_schema_is_asked_for_again(
    harness: WorkerHarness, body: str
) -> None:
    harness.stand_ins.faults.add(Fault(service="llm", body=body))

    with pytest.raises(TransientError, match=r"LLM: the answer to 'topic'|response is not JSON"):
        detect_topics(
            harness.context, words=words(1), transcript_id=TRANSCRIPT_ID, target_language="en"
        )

    assert harness.events("TOPIC") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_llm_is_asked_again(harness: WorkerHarness, status: int) -> None:
    harness.stand_ins.faults.add(Fault(service="llm", status=status))

    with pytest.raises(TransientError, match=str(status)):
        detect_topics(
            harness.context, words=words(1), transcript_id=TRANSCRIPT_ID, target_language="en"
        )


def test_a_refusal_is_final(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="llm", status=401))

    with pytest.raises(PermanentError, match="401"):
        detect_topics(
            harness.context, words=words(1), transcript_id=TRANSCRIPT_ID, target_language="en"
        )


def test_a_failure_in_the_second_chunk_leaves_no_half_of_the_topics(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(
        Fault(service="llm", delay=0.001, times=1), Fault(service="llm", status=500)
    )

    assert harness.execute("detect_topics", payload(301)).status == "FAILED"

    assert harness.transcript().topics == []
    assert harness.events("TOPIC") == []
