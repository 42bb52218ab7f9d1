"""Clause `<task>.cache-key`: every part of the key counts, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.outside_calls import (
    SERVICES,
    expect_result,
    fresh_meeting,
    input_of,
)
from trackproof.suite.clauses.task_inputs import make_topics, make_words
from trackproof.suite.harness import Harness

Payload = dict[str, Any]
Change = Callable[[Harness, Scenario, Payload], tuple[Payload, Payload]]


def _language(language: str, *, before: str = "en") -> Change:
    """Return a change of the language alone."""

    def change(_: Harness, __: Scenario, payload: Payload) -> tuple[Payload, Payload]:
        name = "language" if "language" in payload else "target_language"
        return {**payload, name: before}, {**payload, name: language}

    return change


def _other_track(harness: Harness, meeting: Scenario, payload: Payload) -> tuple[Payload, Payload]:
    other = input_of(harness, "transcribe_track", meeting, track=1)
    return payload, {**payload, "audio_url": other["audio_url"]}


def _word(place: int, text: Callable[[str], str], *, count: int = 30) -> Change:
    """Return a change of the text of one word among many."""

    def change(_: Harness, __: Scenario, payload: Payload) -> tuple[Payload, Payload]:
        before = {**payload, "words": make_words(count)}
        after = deepcopy(before)
        after["words"][place]["word"] = text(after["words"][place]["word"])
        return before, after

    return change


def _long_summary(_: Harness, __: Scenario, payload: Payload) -> tuple[Payload, Payload]:
    """Change the end of a topic's summary of several thousand characters."""
    before = {**payload, "topics": make_topics(2)}
    before["topics"][0]["summary"] = " ".join(one["word"] for one in make_words(400))
    after = deepcopy(before)
    after["topics"][0]["summary"] += "s"
    return before, after


def _longer(text: str) -> str:
    return text + "s"


def _topic(field: str, text: Callable[[str], str] = lambda _: make_topics(1)[0]["title"]) -> Change:
    """Return a change of one text of the last topic."""

    def change(_: Harness, __: Scenario, payload: Payload) -> tuple[Payload, Payload]:
        before = {**payload, "topics": make_topics(2)}
        after = deepcopy(before)
        after["topics"][-1][field] = text(after["topics"][-1][field])
        return before, after

    return change


def _speaker(_: Harness, __: Scenario, payload: Payload) -> tuple[Payload, Payload]:
    """Give the last word to a speaker of its own: a turn of one word."""
    before = {**payload, "words": make_words(31)}
    before["words"][-1]["speaker"] = 2
    after = deepcopy(before)
    after["words"][-1]["word"] += "s"
    return before, after


PARTS: dict[str, dict[str, Change]] = {
    "transcribe_track": {
        "the audio": _other_track,
        "the language": _language("de"),
        "the language's region": _language("pt-BR", before="pt-PT"),
    },
    "detect_topics": {
        "the last word": _word(-1, _longer),
        "a letter's case": _word(0, str.upper),
        "the language": _language("de"),
        "the language's script": _language("zh-Hant", before="zh-Hans"),
    },
    "generate_title": {
        "a topic's title": _topic("title"),
        "a topic's summary": _topic("summary"),
        "the end of a long summary": _long_summary,
        "a letter's case": _topic("title", str.upper),
    },
    "generate_summary": {
        "the last word": _word(-1, _longer),
        "the last of 3,000 words": _word(-1, _longer, count=3_000),
        "a letter's case": _word(0, str.upper),
        "a turn of one word": _speaker,
        "a topic's summary": _topic("summary"),
        "the end of a long summary": _long_summary,
    },
}
"""Two inputs that differ in one part of the key alone, by task."""


@pytest.mark.parametrize(
    ("task", "part"),
    [
        pytest.param(task, part, marks=pytest.mark.clause(f"{task}.cache-key"))
        for task, parts in PARTS.items()
        for part in parts
    ],
)
def test_a_changed_part_is_requested_anew(task: str, part: str, harness: Harness) -> None:
    meeting = fresh_meeting(harness, task)
    before, after = PARTS[task][part](harness, meeting, input_of(harness, task, meeting))
    expect_result(harness.run_task(task, before))

    changed = harness.run_task(task, after)

    expect_result(changed)
    requests = len(changed.requests_to(SERVICES[task]))
    expect(requests, f"requests after a change of {part} alone").holds(
        requests > 0, "at least one: the answer is to another question"
    )


@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=pytest.mark.clause(f"{task}.cache-key")) for task in PARTS]
)
def test_another_meeting_with_the_same_content_costs_no_request(
    task: str, harness: Harness
) -> None:
    first = fresh_meeting(harness, task)
    payload = input_of(harness, task, first)
    expected = harness.run_task(task, payload)
    other = harness.meeting()

    run = harness.run_task(task, {**payload, "transcript_id": other.transcript_id}, about=other)

    expect(len(run.requests_to(SERVICES[task])), "requests for the same content").equals(0)
    expect_result(run)
    expect(run.status, "status").equals(expected.status)
