"""Clause `<task>.bad-input`: every task rejects an input that violates its schema."""

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

VALUES_OF_OTHER_TYPES = (7, "seven", [7])
"""Candidates for a wrong type; those that match a field's schema are left out."""

FAILURE_EVENTS = frozenset({"STATUS"})
"""A task that fails for good may report that the meeting has failed."""


def valid_input(fields: Mapping[str, Document], transcript_id: str) -> Document:
    """Return a valid, non-empty value for each field."""
    values = {
        name: next(
            value
            for value in samples(schema, hints(schema))
            if is_valid(schema, value) and value not in ("", [], {}, None)
        )
        for name, schema in fields.items()
    }
    return values | ({"transcript_id": transcript_id} if "transcript_id" in values else {})


def invalid_inputs(schema: Document, valid: Document) -> Iterator[tuple[str, Document]]:
    """Yield the name of one invalid field and an input that is valid but for that field."""
    for name, field in schema["properties"].items():
        if name in schema["required"]:
            yield name, {other: value for other, value in valid.items() if other != name}
        candidates = [*VALUES_OF_OTHER_TYPES, *values_beyond_limits(field, valid[name])]
        if name in schema["required"]:
            candidates.append(None)
        yield from (
            (name, {**valid, name: value}) for value in candidates if not is_valid(field, value)
        )


def values_beyond_limits(field: Document, valid: Any) -> Iterator[Any]:
    """Yield values just beyond the field's limits."""
    if "maximum" in field:
        yield field["maximum"] + 1
    if "maxLength" in field:
        yield "x" * (field["maxLength"] + 1)
    if "maxItems" in field:
        yield valid[:1] * (field["maxItems"] + 1)


def is_valid(schema: Document, value: Any) -> bool:
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(value))


def is_rejected(run: TaskRun, field: str) -> bool:
    return run.statuses == ["FAILED_WITH_TERMINAL_ERROR"] and field in run.reason


@pytest.mark.parametrize("task", EVERY_TASK)
def test_invalid_input_fails_terminally_and_has_no_effect(task: str, harness: Harness) -> None:
    contract = load_contracts().tasks[task]
    schema = inline_references(contract.input)
    meeting = harness.meeting()
    before = harness.task_runner.transcript(meeting.transcript_id)
    cases = list(invalid_inputs(schema, valid_input(schema["properties"], meeting.transcript_id)))

    runs = harness.run_tasks(task, [payload for _, payload in cases])

    fleet_name = harness.fleet.translator.input_of(task).name_to_fleet
    accepted = [
        {"input": run.sent, "attempts": run.statuses, "reason": run.reason}
        for run, (name, _) in zip(runs, cases, strict=True)
        if not is_rejected(run, fleet_name(name))
    ]
    expect(
        accepted, "inputs without one FAILED_WITH_TERMINAL_ERROR whose reason names the field"
    ).equals([])
    observed = runs[0]
    requests = [(one.service, one.method, one.path) for one in observed.requests]
    expect(requests, "requests to outside services").equals([])
    expect(observed.written | observed.deleted, "objects written or deleted").equals(frozenset())
    if harness.fleet.exposes_rows:
        columns = {
            column
            for effect in contract.effects.get("database", ())
            if effect["table"] == "transcripts"
            for column in effect["columns"]
        } - {"status"}
        expect({name: observed.transcript.get(name) for name in columns}, "transcript row").equals(
            {name: before.get(name) for name in columns}
        )
    if harness.fleet.exposes_events:
        emitted = {name for name, _ in observed.events} & set(contract.effects.get("events", ()))
        expect(emitted - FAILURE_EVENTS, "events of a completed task").equals(set())
