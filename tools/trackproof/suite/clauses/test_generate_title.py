"""Clauses of contracts/tasks/generate_title.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.llm_answers import llm_answers
from trackproof.suite.clauses.task_inputs import make_topics, prompts
from trackproof.suite.harness import Harness

TASK = "generate_title"
UNTITLED = load_contracts().tasks[TASK].constants["title_without_topics"]


def generate_title(harness: Harness, topics: list[dict[str, Any]]) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(TASK, topics=topics, transcript_id=meeting.transcript_id)


def expect_title(run: TaskRun) -> None:
    expect(run.output.get("title"), "title").is_filled()


@pytest.mark.clause("generate_title.from-topics")
def test_prompt_contains_title_and_summary_of_every_topic(harness: Harness) -> None:
    topics = make_topics(60)
    for topic in topics[10:14]:  # namesakes, and a topic of few words
        topic["title"] = topics[10]["title"]
    topics[20]["summary"] = ""

    run = generate_title(harness, topics)

    expect(len(run.requests_to("llm")), "calls to the LLM").equals(1)
    [prompt] = prompts(run)
    texts = [topic[field] for topic in topics for field in ("title", "summary")]
    expect([text for text in texts if not prompt.has(text)], "texts missing in the prompt").equals(
        []
    )
    titles = [topic["title"] for topic in topics]
    expect(prompt.has(titles), "the prompt has the topics in their order").equals(True)
    expect_title(run)
    whole = llm_answers(run).has(run.output.get("title"))
    expect(run.output.get("title"), "title").holds(whole, "the LLM's, whole and unchanged")


LONG_TITLE = "A & B: “title” <i>without</i> " + "an end " * 17 + "here"


@pytest.mark.clause("generate_title.event")
def test_a_long_title_is_emitted_whole(harness: Harness) -> None:
    harness.break_service("llm", text=LONG_TITLE)

    run = generate_title(harness, make_topics(2))

    title = run.output.get("title")
    expect(title, "title").holds(llm_answers(run).has(title), "the LLM's, whole and unchanged")
    expect(run.emitted("FINAL_TITLE"), "FINAL_TITLE events").has([{"title": title}])


@pytest.mark.clause("generate_title.stored")
def test_a_long_title_is_stored_whole(harness: Harness) -> None:
    harness.break_service("llm", text=LONG_TITLE)

    run = generate_title(harness, make_topics(2))

    title = run.transcript.get("title")
    expect(title, "title in the transcript row").equals(run.output.get("title"))


@pytest.mark.clause("generate_title.event")
def test_title_is_emitted(harness: Harness) -> None:
    run = generate_title(harness, make_topics(2))

    expect_title(run)
    expect(run.emitted("FINAL_TITLE"), "FINAL_TITLE events").has(
        [{"title": run.output.get("title")}]
    )


@pytest.mark.clause("generate_title.stored")
@pytest.mark.parametrize("title", ["", "An older title"])
def test_title_is_stored(title: str, harness: Harness) -> None:
    meeting = harness.meeting(title=title)
    topics = make_topics(2)
    run = harness.run_task(TASK, topics=topics, transcript_id=meeting.transcript_id)

    expect_title(run)
    expect(run.transcript.get("title"), "title in the transcript row").equals(
        run.output.get("title")
    )


@pytest.mark.clause("generate_title.untitled")
@pytest.mark.parametrize("title", ["", "An older title"])
def test_meeting_without_topics_is_untitled_and_costs_no_llm_call(
    title: str, harness: Harness
) -> None:
    meeting = harness.meeting(title=title)

    run = harness.run_task(TASK, topics=[], transcript_id=meeting.transcript_id)

    expect(run.output, "output").has({"title": UNTITLED})
    expect(run.requests_to("llm"), "calls to the LLM").equals([])
    expect(run.transcript.get("title"), "title in the transcript row").equals(UNTITLED)
    expect(run.emitted("FINAL_TITLE"), "FINAL_TITLE events").has([{"title": UNTITLED}])


@pytest.mark.clause("generate_title.large-meeting")
def test_a_thousand_topics_cost_one_llm_call(harness: Harness) -> None:
    run = generate_title(harness, make_topics(1_000))

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(run.requests_to("llm")), "calls to the LLM").equals(1)
    expect_title(run)
