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
    """Have the first call, for the subjects, answered with so many of them."""
    content = json.dumps({"subjects": [f"subject {n}" for n in range(count)]})
    body = json.dumps({"choices": [{"message": {"content": content}}]})
    harness.stand_ins.faults.add(Fault(service="llm", body=body, times=1))


@pytest.mark.parametrize("subjects", [1, 2, 6])
def test_the_llm_is_asked_twice_and_twice_for_every_subject(
    harness: WorkerHarness, subjects: int
) -> None:
    subjects_are(harness, subjects)

    output = harness.completed("generate_summary", payload(words(5), topic()))

    assert harness.calls("llm") == 2 + 2 * subjects
    assert [f"**subject {n}**" in output["summary"] for n in range(subjects)] == [True] * subjects


@pytest.mark.parametrize("subjects", [0, 7])
def test_no_subjects_or_too_many_are_asked_for_again(harness: WorkerHarness, subjects: int) -> None:
    subjects_are(harness, subjects)

    with pytest.raises(TransientError, match="'subjects' does not match the schema"):
        generate_summary(
            harness.context, words=words(5), topics=[topic()], transcript_id=TRANSCRIPT_ID
        )

    assert harness.calls("llm") == 1


def test_a_meeting_in_which_nobody_spoke_needs_no_llm(harness: WorkerHarness) -> None:
    output = harness.completed("generate_summary", payload([]))

    assert output == {"summary": "", "short_summary": ""}
    assert harness.calls("llm") == 0
    assert harness.event_names() == ["FINAL_LONG_SUMMARY", "FINAL_SHORT_SUMMARY"]


def test_words_without_topics_are_still_summed_up(harness: WorkerHarness) -> None:
    assert harness.completed("generate_summary", payload(words(5)))["short_summary"]


def test_both_summaries_reach_the_row_and_the_events(harness: WorkerHarness) -> None:
    output = harness.completed("generate_summary", payload(words(5), topic()))

    row = harness.transcript()
    assert (row.long_summary, row.short_summary) == (output["summary"], output["short_summary"])
    assert harness.events("FINAL_LONG_SUMMARY") == [{"long_summary": output["summary"]}]
    assert harness.events("FINAL_SHORT_SUMMARY") == [{"short_summary": output["short_summary"]}]


def test_a_tracer_that_was_spoken_surfaces_in_both_summaries(harness: WorkerHarness) -> None:
    spoken = [word("budget", 0.0), word("bergamot", 1.0)]

    output = harness.completed("generate_summary", payload(spoken, topic()))

    assert "bergamot" in output["summary"].lower()
    assert "bergamot" in output["short_summary"].lower()


def test_the_llm_reads_who_said_what_in_turns(harness: WorkerHarness) -> None:
    spoken = [word("a", 0, 0), word("b", 1, 0), word("c", 2, 1), word("d", 3, 0)]

    harness.completed("generate_summary", payload(spoken, topic()))

    first = harness.stand_ins.ledger.requests("llm")[0]
    assert first.json["messages"][0]["content"].endswith(
        "Speaker 0: a b\nSpeaker 1: c\nSpeaker 0: d"
    )


def test_a_failure_half_way_leaves_no_half_of_a_summary(harness: WorkerHarness) -> None:
    subjects_are(harness, 2)
    harness.stand_ins.faults.add(
        Fault(service="llm", delay=0.001, times=2), Fault(service="llm", status=503)
    )

    assert harness.execute("generate_summary", payload(words(5), topic())).status == "FAILED"

    assert harness.transcript().long_summary is None
    assert harness.event_names() == []
