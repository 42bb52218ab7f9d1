"""Effects beyond those that the contract lists: columns, events, requests and objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from trackproof.contracts.events_and_services import operations
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import event_violations
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.equality import same_value
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import TaskRun
from trackproof.suite.run_rules.comparison import cut

PROGRESS = "PIPELINE_PROGRESS"
FINISHED = "COMPLETED"

OWN_FORMS = frozenset({"webhook"})
"""Services whose requests a fleet may send in its own form, which its profile translates."""


def broken_columns(run: TaskRun) -> Iterator[str]:
    """Yield each column of the transcript that changed and is not in the effects.

    The status is not looked at: a fleet may follow its workflows' status too.
    """
    if not run.transcript_before:
        return
    listed = columns(run.task) if run.observes_its_transcript else frozenset()
    for name, before in run.transcript_before.items():
        after = run.transcript.get(name)
        if name in all_columns() - listed - {"status"} and not same_value(after, before):
            yield f"column {name}, which is not in the effects, was {cut(before)}: {cut(after)}"


def broken_events(run: TaskRun) -> Iterator[str]:
    """Yield each event that is not in the effects, or whose data is not the contract's."""
    contracts = load_contracts()
    known = contracts.events.keys()
    allowed = {PROGRESS, "STATUS", *contracts.tasks[run.task].effects.get("events", ())}
    for name, data in run.events:
        if name not in known:
            continue
        yield from (f"{name}: {violation}" for violation in event_violations(name, data))
        if name not in allowed:
            yield f"the event {name} is not in the effects"
        if name == PROGRESS:
            yield from _progress(run, data)
    yield from _completions(run)


def _completions(run: TaskRun) -> Iterator[str]:
    """No attempt that failed is reported as completed."""
    completed = [
        data
        for name, data in run.events
        if name == PROGRESS
        and data.get("workflow_id") == run.workflow_id
        and data.get("step_status") == "completed"
    ]
    may = [status for status in run.statuses if not status.startswith("FAILED")]
    if len(completed) > len(may):
        attempts = ", ".join(run.statuses)
        yield f"{len(completed)} {PROGRESS} events say completed, the attempts are {attempts}"


def _progress(run: TaskRun, data: Any) -> Iterator[str]:
    if data.get("workflow_id") != run.workflow_id:
        return  # of an earlier run
    if data.get("current_step") != run.task:
        yield f"current_step of {PROGRESS} is {as_json(data.get('current_step'))}, not {run.task}"
    status = data.get("step_status")
    if status == "completed" and run.status != FINISHED:
        yield f"{PROGRESS} has completed, but the task is {run.status}"
    if status == "failed" and run.statuses == [FINISHED]:
        yield f"{PROGRESS} has failed, but the task completed at once"


def broken_requests(run: TaskRun) -> Iterator[str]:
    """Yield each request to a service that the effects do not list, or that breaks its contract."""
    calls = load_contracts().tasks[run.task].effects.get("calls", ())
    services = {call["service"] for call in calls}
    listed = {call["operation"] for call in calls}
    for request in run.requests:
        if request.service not in load_contracts().services:
            continue
        line = f"{request.method} {request.path} of {request.service}"
        if request.service not in OWN_FORMS:
            yield from (f"{line}: {violation}" for violation in request.violations)
        if request.service not in services:
            yield f"{line} is not in the effects"
            continue
        operation = _operation(request.service, request.method, request.path)
        if operation is not None and operation not in listed:
            yield f"{line} ({operation}) is not in the effects"


def broken_objects(run: TaskRun) -> Iterator[str]:
    """Yield each object of a contract that was written or deleted, and is not in the effects.

    Objects of other names are the fleet's own.
    """
    effects = load_contracts().tasks[run.task].effects.get("s3", ())
    puts = {one["key"] for one in effects if one["action"] == "put"}
    deletes = any(one["action"] == "delete" for one in effects)
    own = [_key_pattern(key, run.sent) for key in puts]
    for one in run.written:
        listed = one.bucket == TRANSCRIPT_BUCKET and any(key.fullmatch(one.key) for key in own)
        if not listed and (one.bucket == RECORDING_BUCKET or _is_contract_key(one.key)):
            yield f"{one.bucket}/{one.key} was written, which is not in the effects"
    if not deletes:
        yield from (
            f"{one.bucket}/{one.key} was deleted, which is not in the effects"
            for one in run.deleted
            if one.bucket == RECORDING_BUCKET or _is_contract_key(one.key)
        )


def _key_pattern(template: str, fields: Mapping[str, Any]) -> re.Pattern[str]:
    """Return the pattern of a key's template: fields that are not given may have any value."""
    parts = re.split(r"\{(\w+)\}", template)
    for place in range(1, len(parts), 2):  # the fields' names, between literal parts
        name = parts[place]
        parts[place] = re.escape(str(fields[name])) if name in fields else ".+"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))


@cache
def columns(task: str) -> frozenset[str]:
    """Return the columns of the transcript that a task's effects list."""
    effects = load_contracts().tasks[task].effects.get("database", ())
    return frozenset(
        name for one in effects if one["table"] == "transcripts" for name in one["columns"]
    )


@cache
def all_columns() -> frozenset[str]:
    """Return the columns of the transcript that any task's effects list."""
    return frozenset().union(*map(columns, load_contracts().tasks))


@cache
def _contract_keys() -> tuple[re.Pattern[str], ...]:
    templates = {
        one["key"]
        for task in load_contracts().tasks.values()
        for one in task.effects.get("s3", ())
        if one["action"] == "put"
    }
    return tuple(_key_pattern(key, {}) for key in templates)


def _is_contract_key(key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern in _contract_keys())


@cache
def _operations(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple(
        (one.method, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(one.path))), one.id)
        for one in operations(load_contracts().services[service])
    )


def _operation(service: str, method: str, path: str) -> str | None:
    """Return the id of the operation that a request is for; None if the contract has none."""
    return next(
        (
            name
            for verb, pattern, name in _operations(service)
            if verb == method and pattern.fullmatch(path)
        ),
        None,
    )
