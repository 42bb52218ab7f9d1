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
from trackproof.suite.clauses.task_inputs import make_topics
from trackproof.suite.harness import Harness

Payload = dict[str, Any]
Change = Callable[[Harness, Scenario, Payload], Payload]


def _other_language(_: Harness, __: Scenario, payload: Payload) -> Payload:
    name = "language" if "language" in payload else "target_language"
    return {**payload, name: "de"}


def _other_track(harness: Harness, meeting: Scenario, payload: Payload) -> Payload:
    other = input_of(harness, "transcribe_track", meeting, track=1)
    return {**payload, "audio_url": other["audio_url"]}


def _last_word(_: Harness, __: Scenario, payload: Payload) -> Payload:
    changed = deepcopy(payload)
    changed["words"][-1]["word"] += "s"
    return changed


def _topic(field: str) -> Change:
    def change(_: Harness, __: Scenario, payload: Payload) -> Payload:
        changed = deepcopy(payload)
        changed["topics"][-1][field] = make_topics(1)[0][field]
        return changed

    return change


PARTS: dict[str, dict[str, Change]] = {
    "transcribe_track": {"the audio": _other_track, "the language": _other_language},
    "detect_topics": {"the last word": _last_word, "the language": _other_language},
    "generate_title": {
        "a topic's title": _topic("title"),
        "a topic's summary": _topic("summary"),
    },
    "generate_summary": {"the last word": _last_word, "a topic's summary": _topic("summary")},
}
"""A change of each part of the key alone, by task."""


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
    payload = input_of(harness, task, meeting)
    expect_result(harness.run_task(task, payload))

    changed = harness.run_task(task, PARTS[task][part](harness, meeting, payload))

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
