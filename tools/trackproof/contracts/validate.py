"""Runtime validation of task payloads and event data.

Validators are compiled once per schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from inspect import iscoroutinefunction
from typing import Any, Literal, ParamSpec, TypeAlias, cast

import jsonschema_rs

from trackproof.contracts.load import load_contracts
from trackproof.contracts.yaml_files import json_pointer

P = ParamSpec("P")
Side = Literal["input", "output"]
Worker: TypeAlias = Callable[P, Mapping[str, Any]]


class ContractViolationError(ValueError):
    """A payload violates the schema of its task.

    Attributes:
        task: The task type.
        side: `input` or `output`.
        pointer: JSON pointer into the payload.
        reason: The validator's message.
        schema_pointer: JSON pointer into the schema.
    """

    def __init__(
        self, task: str, side: Side, pointer: str, reason: str, *, schema_pointer: str = ""
    ) -> None:

        rule = f" (schema {schema_pointer})" if schema_pointer else ""
        super().__init__(f"{task}: {side} at {pointer or '/'}: {reason}{rule}")
        self.task = task
        self.side = side
        self.pointer = pointer
        self.reason = reason
        self.schema_pointer = schema_pointer


@cache
def _validator(task: str, side: Side) -> jsonschema_rs.Draft202012Validator:
    contract = load_contracts().tasks[task]
    schema = contract.input if side == "input" else contract.output
    return jsonschema_rs.Draft202012Validator(schema)


def check(task: str, side: Side, payload: Mapping[str, Any]) -> None:
    """Validate `payload` against the input or output schema of a task.

    Raises:
        ContractViolationError: The first violation.
    """
    error = next(_validator(task, side).iter_errors(payload), None)
    if error is not None:
        raise ContractViolationError(
            task,
            side,
            json_pointer(error.instance_path),
            _truncate(error.message),
            schema_pointer=json_pointer(error.schema_path),
        )


@cache
def _event_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(load_contracts().events[name])


def event_violations(name: str, data: object) -> list[str]:
    """Return all violations of the event dictionary by an event's data."""
    if name not in load_contracts().events:
        return [f"{name}: the event is not in the dictionary"]
    return [
        f"{name} at {json_pointer(error.instance_path) or '/'}: {_truncate(error.message)}"
        for error in _event_validator(name).iter_errors(data)
    ]


def accepted_input(task: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Validate a task's input and return its declared fields with defaults filled in.

    Raises:
        ContractViolationError: The input violates the contract.
    """
    check(task, "input", payload)
    properties = load_contracts().tasks[task].input["properties"]
    accepted = {}
    for name, schema in properties.items():
        value = payload.get(name)
        accepted[name] = schema.get("default") if value is None else value
    return accepted


def keeps_contract(task: str) -> Callable[[Worker[P]], Worker[P]]:
    """Return a decorator that validates a worker's input and output at each call.

    The worker takes the task's input as one mapping or as keyword arguments and returns the
    task's output. It receives the declared fields only, with defaults filled in.

        @keeps_contract("get_recording")
        def get_recording(recording_id: str) -> dict[str, Any]: ...

    Raises:
        ValueError: The task has no contract (when decorating).
        TypeError: The worker is async (when decorating).
        ContractViolationError: Input or output violates the contract (when called).
    """
    if task not in load_contracts().tasks:
        known = ", ".join(sorted(load_contracts().tasks))
        raise ValueError(f"no contract for the task {task!r}; known: {known}")
    required = load_contracts().tasks[task].input.get("required", ())

    def decorated(worker: Worker[P]) -> Worker[P]:
        if iscoroutinefunction(worker):
            raise TypeError(f"{worker.__qualname__} is async; decorate a plain function")

        @wraps(worker)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Mapping[str, Any]:
            if args:
                output = cast("Any", worker)(accepted_input(task, cast("Any", args[0])))
            else:
                # Conductor SDKs pass None for a missing field.
                given = {
                    name: value
                    for name, value in kwargs.items()
                    if value is not None or name in required
                }
                output = cast("Any", worker)(**accepted_input(task, given))
            check(task, "output", output)
            return cast("Mapping[str, Any]", output)

        return checked

    return decorated


def _truncate(message: str, limit: int = 300) -> str:
    # Validator messages contain payload values of any size.
    return message if len(message) <= limit else f"{message[:limit]}…"
