"""Clauses of contracts/tasks/detect_topics.yaml."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.task_inputs import prompts, words
from trackproof.suite.harness import Harness

TASK = "detect_topics"
CHUNK = int(load_contracts().tasks[TASK].constants["words_per_call"])


def detected(harness: Harness, said: list[dict[str, Any]]) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(
        TASK, words=said, transcript_id=meeting.transcript_id, target_language="en"
    )


def found(run: TaskRun) -> list[dict[str, Any]]:
    return run.output.get("topics") or []


@pytest.mark.clause("detect_topics.chunks")
@pytest.mark.parametrize("count", [CHUNK, CHUNK + 1, 2 * CHUNK + 50])
def test_no_word_is_lost_at_a_border(count: int, harness: Harness) -> None:
    said = words(count)

    run = detected(harness, said)

    asked = prompts(run)
    for first in range(0, count, CHUNK):
        chunk = " ".join(word["word"] for word in said[first : first + CHUNK])
        expect(
            [chunk in prompt for prompt in asked].count(True), f"prompts with words {first}…"
        ).equals(1)


@pytest.mark.clause("detect_topics.calls")
@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 50])
def test_the_llm_is_asked_once_for_each_group_of_words(count: int, harness: Harness) -> None:
    run = detected(harness, words(count))

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(len(run.asked("llm")), "calls to the LLM").equals(math.ceil(count / CHUNK))


@pytest.mark.clause("detect_topics.calls")
def test_the_same_words_again_cost_no_second_call(harness: Harness) -> None:
    said = words(20)
    detected(harness, said)

    again = detected(harness, said)

    expect(again.asked("llm"), "calls to the LLM").equals([])


@pytest.mark.clause("detect_topics.events")
def test_each_topic_is_told(harness: Harness) -> None:
    run = detected(harness, words(620))

    expect(run.emitted("TOPIC"), "TOPIC events").equals(found(run))
    expect(len(found(run)), "topics").equals(3)


@pytest.mark.clause("detect_topics.complete")
def test_every_topic_is_listed_with_its_time(harness: Harness) -> None:
    said = words(620)

    run = detected(harness, said)

    times = [(topic.get("timestamp"), topic.get("duration")) for topic in found(run)]
    borders = [said[first : first + CHUNK] for first in range(0, 620, CHUNK)]
    expect(times, "timestamp and duration").equals(
        [(chunk[0]["start"], chunk[-1]["end"] - chunk[0]["start"]) for chunk in borders]
    )
    expect(all(t.get("title") and "summary" in t for t in found(run)), "titles").equals(True)


@pytest.mark.clause("detect_topics.large-meeting")
def test_a_large_meeting_reaches_the_llm_word_by_word(harness: Harness) -> None:
    spoken = words(20 * CHUNK)
    said = [word["word"] for word in spoken]

    run = detected(harness, spoken)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    asked = prompts(run)
    expect(len(asked), "calls to the LLM").equals(20)
    chunks = [" ".join(said[first : first + CHUNK]) for first in range(0, len(said), CHUNK)]
    lost = [chunk[:40] for chunk in chunks if not any(chunk in prompt for prompt in asked)]
    expect(lost, "groups that no call asks about").equals([])
