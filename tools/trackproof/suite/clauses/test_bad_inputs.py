"""What every task does with an input that breaks its schema, one field at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest

from trackproof.contracts.compat.samples import hints, samples
from trackproof.contracts.load import load_contracts
from trackproof.contracts.schemas.normal_forms import inline_references
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

Document = dict[str, Any]

EVERY_TASK = [
    pytest.param(task, marks=pytest.mark.clause(f"{task}.bad-input"))
    for task in load_contracts().tasks
]

OF_OTHER_TYPES = (7, "seven", [7])
"""None of a field's types is among them, or one is."""

TOLD_OF_A_FAILURE = frozenset({"STATUS"})
"""A task that fails for good may tell that the meeting has failed."""


def fitting(fields: Mapping[str, Document], transcript_id: str) -> Document:
    """Return a value for each field that is as it should be, and is not empty."""
    found = {
        name: next(
            value
            for value in samples(schema, hints(schema))
            if fits(schema, value) and value not in ("", [], {}, None)
        )
        for name, schema in fields.items()
    }
    return found | ({"transcript_id": transcript_id} if "transcript_id" in found else {})


def broken(schema: Document, right: Document) -> Iterator[tuple[str, Document]]:
    """Yield inputs in which one field is wrong, each with that field's name."""
    for name, field in schema["properties"].items():
        if name in schema["required"]:
            yield name, {other: value for other, value in right.items() if other != name}
        wrong = [*OF_OTHER_TYPES, *too_large(field, right[name])]
        if name in schema["required"]:
            wrong.append(None)
        yield from ((name, {**right, name: value}) for value in wrong if not fits(field, value))


def too_large(field: Document, right: Any) -> Iterator[Any]:
    """Yield what is just beyond the field's limits."""
    if "maximum" in field:
        yield field["maximum"] + 1
    if "maxLength" in field:
        yield "x" * (field["maxLength"] + 1)
    if "maxItems" in field:
        yield right[:1] * (field["maxItems"] + 1)


def fits(schema: Document, value: Any) -> bool:
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(value))


def wrong_end(run: TaskRun, name: str) -> Document | None:
    """Return how a run ended, if that is not how a bad input ends."""
    if run.statuses == ["FAILED_WITH_TERMINAL_ERROR"] and name in run.reason:
        return None
    return {"input": run.sent, "attempts": run.statuses, "reason": run.reason}


@pytest.mark.parametrize("task", EVERY_TASK)
def test_an_input_that_breaks_the_schema_is_final_and_does_nothing(
    task: str, harness: Harness
) -> None:
    contract = load_contracts().tasks[task]
    schema = inline_references(contract.input)
    meeting = harness.meeting()
    before = harness.task_runner.transcript(meeting.transcript_id)
    cases = list(broken(schema, fitting(schema["properties"], meeting.transcript_id)))

    runs = harness.run_tasks(task, [payload for _, payload in cases])

    called = harness.fleet.translator.input_of(task).name_to_fleet
    ends = [wrong_end(run, called(name)) for run, (name, _) in zip(runs, cases, strict=True)]
    expect([end for end in ends if end], "inputs that did not fail for good by name").equals([])
    seen = runs[0]
    expect([(one.service, one.method, one.path) for one in seen.requests], "what was asked").equals(
        []
    )
    expect(seen.written | seen.deleted, "objects written or deleted").equals(frozenset())
    if harness.fleet.exposes_rows:
        columns = {
            column
            for effect in contract.effects.get("database", ())
            if effect["table"] == "transcripts"
            for column in effect["columns"]
        } - {"status"}
        expect({name: seen.transcript.get(name) for name in columns}, "the transcript").equals(
            {name: before.get(name) for name in columns}
        )
    if harness.fleet.exposes_events:
        told = {name for name, _ in seen.events} & set(contract.effects.get("events", ()))
        expect(told - TOLD_OF_A_FAILURE, "events of a finished task").equals(set())
