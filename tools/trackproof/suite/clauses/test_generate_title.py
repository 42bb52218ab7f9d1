"""Clauses of contracts/tasks/generate_title.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.task_inputs import prompts, topics
from trackproof.suite.harness import Harness

TASK = "generate_title"
UNTITLED = load_contracts().tasks[TASK].constants["title_without_topics"]


def titled(harness: Harness, found: list[dict[str, Any]]) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(TASK, topics=found, transcript_id=meeting.transcript_id)


@pytest.mark.clause("generate_title.from-topics")
def test_the_llm_sees_every_topics_title_and_summary(harness: Harness) -> None:
    found = topics(3)

    run = titled(harness, found)

    asked = prompts(run)
    expect(len(asked), "calls to the LLM").equals(1)
    missing = [
        topic[part]
        for topic in found
        for part in ("title", "summary")
        if topic[part] not in asked[0]
    ]
    expect(missing, "what the prompt lacks").equals([])
    expect(bool(run.output.get("title")), "a title").equals(True)


@pytest.mark.clause("generate_title.event")
def test_the_title_is_told(harness: Harness) -> None:
    run = titled(harness, topics(2))

    expect(run.emitted("FINAL_TITLE"), "FINAL_TITLE").equals([{"title": run.output.get("title")}])


@pytest.mark.clause("generate_title.stored")
def test_the_title_is_stored(harness: Harness) -> None:
    run = titled(harness, topics(2))

    expect(run.transcript.get("title"), "title in the database").equals(run.output.get("title"))


@pytest.mark.clause("generate_title.untitled")
def test_without_topics_the_meeting_is_untitled_and_nobody_is_asked(harness: Harness) -> None:
    run = titled(harness, [])

    expect(run.output, "output").equals({"title": UNTITLED})
    expect(run.asked("llm"), "calls to the LLM").equals([])


@pytest.mark.clause("generate_title.large-meeting")
def test_a_thousand_topics_get_one_title(harness: Harness) -> None:
    run = titled(harness, topics(1_000))

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(len(run.asked("llm")), "calls to the LLM").equals(1)
    expect(run.output.get("title"), "title").holds(bool(run.output.get("title")), "a title")
