"""Clause `<task>.own-meeting`: meetings at the same time do not mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from trackproof.runs.ids import new_id
from trackproof.runs.scenario import Scenario
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.outside_calls import spoken_words
from trackproof.suite.clauses.task_inputs import make_topics, make_words
from trackproof.suite.harness import Harness

Payload = dict[str, Any]


def _final(_: Scenario) -> Payload:
    text = new_id()
    return {
        "title": f"Title {text}",
        "summary": f"Long {text}",
        "short_summary": f"Short {text}",
        "duration": float(int(text[:3], 16)),
    }


INPUTS: dict[str, Callable[[Scenario], Payload]] = {
    "merge_transcripts": lambda _: {"transcripts": [{"words": make_words(5), "track_index": 0}]},
    "detect_topics": lambda meeting: {"words": spoken_words(meeting), "target_language": "en"},
    "generate_title": lambda _: {"topics": make_topics(2)},
    "generate_summary": lambda meeting: {
        "words": spoken_words(meeting),
        "topics": make_topics(2),
    },
    "finalize": _final,
}
"""Different content for each meeting, by task."""

ROWS: dict[str, Mapping[str, str]] = {
    "merge_transcripts": {"words": "all_words"},
    "detect_topics": {"topics": "topics"},
    "generate_title": {"title": "title"},
    "generate_summary": {"long_summary": "summary", "short_summary": "short_summary"},
    "finalize": {"title": "title", "long_summary": "summary", "short_summary": "short_summary"},
}
"""Columns of the transcript's row, and the output (finalize: input) that each repeats."""

EVENTS: dict[str, Callable[[Payload], list[Payload]]] = {
    "merge_transcripts": lambda out: [{"text": " ".join(one["word"] for one in out["all_words"])}],
    "detect_topics": lambda out: out["topics"],
    "generate_title": lambda out: [{"title": out["title"]}],
    "generate_summary": lambda out: [{"long_summary": out["summary"]}],
    "finalize": lambda _: [],
}
"""Data of the events that each output announces; further fields are not looked at."""

EVENT_NAMES = {
    "merge_transcripts": "TRANSCRIPT",
    "detect_topics": "TOPIC",
    "generate_title": "FINAL_TITLE",
    "generate_summary": "FINAL_LONG_SUMMARY",
}


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=pytest.mark.clause(f"{task}.own-meeting")) for task in INPUTS],
)
def test_each_of_two_meetings_gets_its_own_result(task: str, harness: Harness) -> None:
    meetings = [harness.meeting(title="", long_summary="", short_summary="") for _ in range(2)]
    if harness.fleet.exposes_events:
        for meeting in meetings:
            harness.fleet.watch(meeting.transcript_id)
    payloads = [
        {**INPUTS[task](meeting), "transcript_id": meeting.transcript_id} for meeting in meetings
    ]

    runs = harness.run_tasks(task, payloads, about=meetings[0])

    expect([run.status for run in runs], "statuses").equals(["COMPLETED"] * 2)
    for number, (meeting, payload, run) in enumerate(zip(meetings, payloads, runs, strict=True), 1):
        result = payload if task == "finalize" else run.output
        columns = ROWS[task]
        row = harness.task_runner.transcript(meeting.transcript_id)
        expect({name: row.get(name) for name in columns}, f"row of meeting {number}").equals(
            {name: result.get(source) for name, source in columns.items()}
        )
        if task in EVENT_NAMES:
            expected = EVENTS[task](result)
            data = [
                data
                for name, data in harness.task_runner.events(meeting.transcript_id)
                if name == EVENT_NAMES[task]
            ]
            known = [{field: one.get(field) for field in (expected or [{}])[0]} for one in data]
            expect(known, f"{EVENT_NAMES[task]} events of meeting {number}").equals(expected)
