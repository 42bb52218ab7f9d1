"""Clauses of contracts/tasks/generate_summary.yaml."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from fixtures_audio import VOCABULARY
from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import WordText
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.llm_answers import llm_answers
from trackproof.suite.clauses.task_inputs import make_topics, make_words, prompts
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS

TASK = "generate_summary"
MOST_SUBJECTS = int(load_contracts().tasks[TASK].constants["most_subjects"])


def summarize(
    harness: Harness, word_count: int = 12, topic_count: int = 4, subject_count: int = 5
) -> TaskRun:
    """Run the task on words in which the LLM stand-in reads several subjects."""
    meeting = harness.meeting()
    words = make_words(word_count)
    # Random, because answers become parts of later prompts, which a fleet may cache.
    others = random.Random(meeting.run_id).sample(sorted(set(VOCABULARY) - TRACER_WORDS), 40)
    texts = [*sorted(TRACER_WORDS)[:subject_count], *others]
    for word, text in zip(words, texts, strict=False):
        word["word"] = text
    return harness.run_task(
        TASK, words=words, topics=make_topics(topic_count), transcript_id=meeting.transcript_id
    )


def subjects_of(run: TaskRun) -> list[Any]:
    """Return the subjects from the LLM's answers: the only list in them."""
    lists = [
        value
        for request in run.requests_to("llm")
        for answer in answer_texts(request.response)
        if answer.startswith("{")
        for value in json.loads(answer).values()
        if isinstance(value, list)
    ]
    subjects = lists[0] if lists else []
    expect(len(subjects), "subjects in the LLM's answers").holds(bool(subjects), "at least one")
    return subjects


def expect_summaries(run: TaskRun) -> None:
    for name in ("summary", "short_summary"):
        expect(run.output.get(name), name).is_filled()


@pytest.mark.clause("generate_summary.long")
@pytest.mark.parametrize("count", [5, MOST_SUBJECTS + 2])
def test_long_summary_contains_each_subject(count: int, harness: Harness) -> None:
    run = summarize(harness, subject_count=count)

    summary = str(run.output.get("summary"))
    text = WordText(summary)
    subjects = subjects_of(run)[:MOST_SUBJECTS]
    missing = [subject for subject in subjects if not text.has(str(subject))]
    expect(missing, "subjects missing from the summary").equals([])
    expect(summary == run.output.get("short_summary"), "long summary equals the short one").equals(
        False
    )


LINES = "First line: “quoted” & <b>\n\nThird line, long " + "and longer " * 12 + "end"
"""An answer of several lines, the same to every call."""


@pytest.mark.clause("generate_summary.long")
def test_subjects_with_equal_paragraphs_are_all_kept(harness: Harness) -> None:
    harness.break_service("llm", text=LINES)

    run = summarize(harness, subject_count=MOST_SUBJECTS + 2)

    text = WordText(str(run.output.get("summary")))
    missing = [one for one in subjects_of(run)[:MOST_SUBJECTS] if not text.has(str(one))]
    expect(missing, "subjects missing from the summary").equals([])


@pytest.mark.clause("generate_summary.short-event")
def test_a_short_summary_of_several_lines_is_emitted_whole(harness: Harness) -> None:
    harness.break_service("llm", text=LINES)

    run = summarize(harness)

    short = run.output.get("short_summary")
    expect(short, "short_summary").holds(llm_answers(run).has(short), "an answer of the LLM, whole")
    expect(run.emitted("FINAL_SHORT_SUMMARY"), "FINAL_SHORT_SUMMARY events").has(
        [{"short_summary": short}]
    )


@pytest.mark.clause("generate_summary.short")
def test_short_summary_is_shorter_than_the_long_one(harness: Harness) -> None:
    run = summarize(harness)

    expect_summaries(run)
    long, short = str(run.output.get("summary")), str(run.output.get("short_summary"))
    expect(len(short), "characters of the short summary").holds(
        0 < len(short) < len(long), f"1 to {len(long) - 1}"
    )


@pytest.mark.clause("generate_summary.long-event")
def test_long_summary_is_emitted(harness: Harness) -> None:
    run = summarize(harness)

    expect_summaries(run)
    expect(run.emitted("FINAL_LONG_SUMMARY"), "FINAL_LONG_SUMMARY events").has(
        [{"long_summary": run.output.get("summary")}]
    )


@pytest.mark.clause("generate_summary.short-event")
def test_short_summary_is_emitted(harness: Harness) -> None:
    run = summarize(harness)

    expect_summaries(run)
    expect(run.emitted("FINAL_SHORT_SUMMARY"), "FINAL_SHORT_SUMMARY events").has(
        [{"short_summary": run.output.get("short_summary")}]
    )


@pytest.mark.clause("generate_summary.stored")
def test_both_summaries_are_stored(harness: Harness) -> None:
    run = summarize(harness)

    expect_summaries(run)
    stored = (run.transcript.get("long_summary"), run.transcript.get("short_summary"))
    expect(stored, "long and short summary in the transcript row").equals(
        (run.output.get("summary"), run.output.get("short_summary"))
    )


@pytest.mark.clause("generate_summary.calls")
@pytest.mark.parametrize("count", [5, MOST_SUBJECTS + 2])
def test_llm_is_called_twice_and_twice_more_for_each_subject(count: int, harness: Harness) -> None:
    run = summarize(harness, subject_count=count)

    subjects = [str(subject) for subject in subjects_of(run)][:MOST_SUBJECTS]
    # A fleet may treat a subject that the LLM lists twice as one.
    allowed = {2 + 2 * len(subjects), 2 + 2 * len(set(subjects))}
    calls = len(run.requests_to("llm"))
    expect(calls, "calls to the LLM").holds(calls in allowed, f"one of {sorted(allowed)}")


@pytest.mark.clause("generate_summary.calls")
def test_meeting_without_words_costs_no_llm_call(harness: Harness) -> None:
    run = summarize(harness, 0)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.requests_to("llm"), "calls to the LLM").equals([])
    expect(run.output, "output").has({"summary": "", "short_summary": ""})
    stored = (run.transcript.get("long_summary"), run.transcript.get("short_summary"))
    expect(stored, "long and short summary in the transcript row").equals(("", ""))
    # An earlier result does not stay either.
    earlier = harness.meeting(long_summary="Old.", short_summary="Old.")
    empty = harness.run_task(TASK, words=[], topics=[], transcript_id=earlier.transcript_id)
    stored = (empty.transcript.get("long_summary"), empty.transcript.get("short_summary"))
    expect(stored, "summaries in a row with an earlier result").equals(("", ""))


@pytest.mark.clause("generate_summary.long")
def test_a_meeting_without_topics_is_summarized_by_its_words(harness: Harness) -> None:
    run = summarize(harness, topic_count=0)

    expect_summaries(run)
    expect(len(run.requests_to("llm")), "calls to the LLM").holds(
        len(run.requests_to("llm")) > 1, "more than one"
    )


@pytest.mark.clause("generate_summary.short")
def test_short_summary_is_the_answer_to_one_call(harness: Harness) -> None:
    run = summarize(harness)

    short = run.output.get("short_summary")
    expect(short, "short_summary").holds(llm_answers(run).has(short), "an answer of the LLM, whole")


@pytest.mark.clause("generate_summary.large-meeting")
def test_large_meeting_is_summarized_whole_within_the_call_limit(harness: Harness) -> None:
    run = summarize(harness, 10_000, topic_count=100)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    calls = len(run.requests_to("llm"))
    expect(calls, "calls to the LLM").holds(
        calls <= 2 + 2 * MOST_SUBJECTS, f"at most {2 + 2 * MOST_SUBJECTS}"
    )
    sample = [word["word"] for word in run.sent["words"]][::100]
    all_prompts = prompts(run)
    missing = [word for word in sample if not any(prompt.has([word]) for prompt in all_prompts)]
    expect(missing, "words in no prompt").equals([])
    expect_summaries(run)
