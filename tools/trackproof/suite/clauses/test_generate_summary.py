"""Clauses of contracts/tasks/generate_summary.yaml."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from fixtures_audio import VOCABULARY
from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.task_inputs import prompts, topics, words
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS

TASK = "generate_summary"
MOST_SUBJECTS = int(load_contracts().tasks[TASK].constants["most_subjects"])


def summed_up(harness: Harness, count: int = 12, found: int = 4) -> TaskRun:
    """Drive the task with words that make the LLM find three subjects, if there are words."""
    meeting = harness.meeting()
    said = words(count)
    # By chance: what the LLM answers goes into later questions, which a fleet may remember.
    others = random.Random(meeting.run_id).sample(sorted(set(VOCABULARY) - TRACER_WORDS), 40)
    texts = [*sorted(TRACER_WORDS)[:3], *others]
    for word, text in zip(said, texts, strict=False):
        word["word"] = text
    return harness.run_task(
        TASK, words=said, topics=topics(found), transcript_id=meeting.transcript_id
    )


def answers(run: TaskRun) -> list[str]:
    """Return the text of each of the LLM's answers."""
    return [_content(request) for request in run.asked("llm")]


def _content(request: Request) -> str:
    return str(json.loads(request.response)["choices"][0]["message"]["content"])


def subjects(run: TaskRun) -> list[Any]:
    """Return the list that the LLM was asked for: the only answer that holds one."""
    lists = [
        value
        for text in answers(run)
        if text.startswith("{")
        for value in json.loads(text).values()
        if isinstance(value, list)
    ]
    return lists[0] if lists else []


@pytest.mark.clause("generate_summary.long")
def test_the_long_summary_takes_up_each_subject(harness: Harness) -> None:
    run = summed_up(harness)

    summary = str(run.output.get("summary"))
    missing = [subject for subject in subjects(run) if str(subject) not in summary]
    expect(len(subjects(run)), "subjects").holds(bool(subjects(run)), "one at least")
    expect(missing, "subjects that the summary lacks").equals([])
    expect(summary == run.output.get("short_summary"), "long is short").equals(False)


@pytest.mark.clause("generate_summary.short")
def test_the_short_summary_is_a_short_recap(harness: Harness) -> None:
    run = summed_up(harness)

    long, short = str(run.output.get("summary")), str(run.output.get("short_summary"))
    expect(len(short), "characters").holds(0 < len(short) < len(long), f"1 to {len(long) - 1}")


@pytest.mark.clause("generate_summary.long-event")
def test_the_long_summary_is_told(harness: Harness) -> None:
    run = summed_up(harness)

    expect(run.emitted("FINAL_LONG_SUMMARY"), "events").equals(
        [{"long_summary": run.output.get("summary")}]
    )


@pytest.mark.clause("generate_summary.short-event")
def test_the_short_summary_is_told(harness: Harness) -> None:
    run = summed_up(harness)

    expect(run.emitted("FINAL_SHORT_SUMMARY"), "events").equals(
        [{"short_summary": run.output.get("short_summary")}]
    )


@pytest.mark.clause("generate_summary.stored")
def test_both_summaries_are_stored(harness: Harness) -> None:
    run = summed_up(harness)

    row = (run.transcript.get("long_summary"), run.transcript.get("short_summary"))
    expect(row, "long and short in the database").equals(
        (run.output.get("summary"), run.output.get("short_summary"))
    )


@pytest.mark.clause("generate_summary.calls")
def test_the_llm_is_asked_twice_and_twice_for_each_subject(harness: Harness) -> None:
    run = summed_up(harness)

    found = [str(subject) for subject in subjects(run)][:MOST_SUBJECTS]
    expect(len(found), "subjects").holds(bool(found), "one at least")
    # A subject that the LLM has listed twice may be taken for one.
    allowed = {2 + 2 * len(found), 2 + 2 * len(set(found))}
    calls = len(run.asked("llm"))
    expect(calls, "calls to the LLM").holds(calls in allowed, f"one of {sorted(allowed)}")


@pytest.mark.clause("generate_summary.calls")
def test_where_nobody_spoke_nobody_is_asked(harness: Harness) -> None:
    run = summed_up(harness, 0)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(run.asked("llm"), "calls to the LLM").equals([])


@pytest.mark.clause("generate_summary.large-meeting")
def test_a_large_meeting_is_summed_up_whole_by_no_more_calls(harness: Harness) -> None:
    run = summed_up(harness, 10_000, found=100)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    calls = len(run.asked("llm"))
    expect(calls, "calls to the LLM").holds(
        calls <= 2 + 2 * MOST_SUBJECTS, f"{2 + 2 * MOST_SUBJECTS} at most"
    )
    spoken = [word["word"] for word in run.sent["words"]]
    asked = " ".join(prompts(run))
    expect([word for word in spoken[::100] if word not in asked], "words no call has").equals([])
    expect(run.output.get("summary"), "summary").holds(bool(run.output.get("summary")), "a text")
