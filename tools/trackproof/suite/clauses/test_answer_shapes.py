"""Clause `<task>.answer-shapes`: the LLM's answer in the shapes in which servers deliver it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from trackproof.suite.assertions import expect
from trackproof.suite.clauses.outside_calls import fresh_meeting, input_of
from trackproof.suite.harness import Harness

TITLE = "Budget of the year"
TEXT = json.dumps({"title": TITLE})


def message(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


SHAPES: dict[str, dict[str, Any]] = {
    "in a fence": message(f"```json\n{TEXT}\n```"),
    "between sentences": message(f"Here you are:\n\n```json\n{TEXT}\n```\nMore?"),
    "after thoughts": message(
        f'<think>\nFor {{budget}} perhaps {{"title": "Draft"}}.\n</think>\n\n{TEXT}'
    ),
    "in parts": message([{"type": "text", "text": TEXT}]),
    "in several parts": message(
        [{"type": "text", "text": part} for part in (TEXT[:15], TEXT[15:20], TEXT[20:])]
    ),
    "in a fence without a language": message(f"```\n{TEXT}\n```\n"),
    "in a tool call": {
        **message(None),
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "title", "arguments": TEXT}}
        ],
    },
}
"""Messages of OpenAI-compatible servers that contain the title."""


@pytest.mark.clause("generate_title.answer-shapes")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_title_is_found(shape: str, harness: Harness) -> None:
    meeting = fresh_meeting(harness, "generate_title")
    choice = {"index": 0, "finish_reason": "stop", "message": SHAPES[shape]}
    harness.break_service("llm", body=json.dumps({"choices": [choice]}))

    run = harness.run_task("generate_title", input_of(harness, "generate_title", meeting))

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output.get("title"), "title").equals(TITLE)


UNUSABLE: dict[str, Callable[[], dict[str, Any]]] = {
    "refusal": lambda: {
        "choices": [
            {"finish_reason": "stop", "message": {**message(None), "refusal": "I refuse this."}}
        ]
    },
    "length": lambda: {
        "choices": [{"finish_reason": "length", "message": message('{"title": "Budg')}]
    },
    "length, nothing written": lambda: {
        "choices": [{"finish_reason": "length", "message": message("")}]
    },
    "filter": lambda: {"choices": [{"finish_reason": "content_filter", "message": message(None)}]},
    "provider": lambda: {"error": {"message": "provider is overloaded", "code": 429}},
}
"""Answers without a title, by the word that the failure's reason must contain."""


@pytest.mark.clause("generate_title.answer-shapes")
@pytest.mark.parametrize("cause", UNUSABLE)
def test_the_reason_of_a_failure_names_the_cause(cause: str, harness: Harness) -> None:
    meeting = fresh_meeting(harness, "generate_title")
    harness.break_service("llm", body=json.dumps(UNUSABLE[cause]()))

    run = harness.run_task(
        "generate_title", input_of(harness, "generate_title", meeting), retries=0
    )

    expect(run.statuses, "attempt statuses").equals(["FAILED"])  # for a retry: no title is there
    words = {"refusal": "refus"}.get(cause, cause.partition(",")[0])
    expect(run.reason.lower(), "reason of the failure").contains(words)
