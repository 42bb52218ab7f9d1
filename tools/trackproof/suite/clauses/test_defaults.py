"""Clause `<task>.defaults`: a field with a default may be missing or null."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.outside_calls import SERVICES, fresh_meeting
from trackproof.suite.harness import Harness

DEFAULTS = {
    task: {
        name: schema["default"]
        for name, schema in contract.input["properties"].items()
        if "default" in schema
    }
    for task, contract in load_contracts().tasks.items()
}

OTHER: dict[str, Any] = {"language": "de", "target_language": "de"}
"""A value other than the default, by field."""


def transcription_input(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the fork input for the branches that have a language."""
    padded = {
        f"pad_track_{index}": {
            "padded_url": f"https://s3.test/{index}",
            "size": 1,
            "track_index": index,
        }
        for index in range(len(payload["tracks"]))
    }
    return {**payload, "task_type": "transcribe_track", "padded_tracks": padded}


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.clause(f"{task}.defaults"))
        for task, defaults in DEFAULTS.items()
        if defaults
    ],
)
def test_missing_and_null_fields_have_their_default(task: str, harness: Harness) -> None:
    meeting = fresh_meeting(harness, task)
    payload = valid_input(harness, task, meeting)
    if task == "generate_dynamic_fork_tasks":
        payload = transcription_input(payload)
    rest = {name: value for name, value in payload.items() if name not in DEFAULTS[task]}
    given = {**rest, **DEFAULTS[task]}
    others = {**rest, **{name: OTHER[name] for name in DEFAULTS[task]}}
    missing, null = rest, {**rest, **dict.fromkeys(DEFAULTS[task])}

    runs = [harness.run_task(task, one) for one in (given, missing, null, others)]

    expect([run.status for run in runs], "statuses").equals(["COMPLETED"] * 4)
    expected, without, with_null, other = (run.output for run in runs)
    expect(without, "output without the fields").equals(expected)
    expect(with_null, "output with null in the fields").equals(expected)
    if task in SERVICES:  # an answer to another question would have to be paid for
        calls = [len(run.requests_to(SERVICES[task])) for run in runs]
        expect(calls[1:3], "calls without the fields, and with null").equals([0, 0])
    if task == "generate_dynamic_fork_tasks":  # the others are tried by their cache keys
        expect(other, "output with other values").holds(other != expected, "another output")
