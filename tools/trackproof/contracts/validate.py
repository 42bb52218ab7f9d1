"""Hold a payload against a task's input or output schema, at run time.

The validators are compiled once; jsonschema-rs keeps the cost of a large payload low.
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
    """A payload breaks its task's schema."""

    def __init__(
        self, task: str, side: Side, pointer: str, reason: str, *, schema_pointer: str = ""
    ) -> None:
        """Say which task, which side, where (JSON pointers into payload and schema) and why."""
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
    """Hold `payload` against one side of a task's contract.

    Raises:
        ContractViolationError: The first breach, with its JSON pointer.
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
    """Return how an event's data breaks the dictionary, field by field; nothing if it fits."""
    if name not in load_contracts().events:
        return [f"{name}: no such event is in the dictionary"]
    return [
        f"{name} at {json_pointer(error.instance_path) or '/'}: {_truncate(error.message)}"
        for error in _event_validator(name).iter_errors(data)
    ]


def accepted_input(task: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a worker takes from `payload`: the named fields, defaults filled in.

    Raises:
        ContractViolationError: The input breaks the contract.
    """
    check(task, "input", payload)
    properties = load_contracts().tasks[task].input["properties"]
    accepted = {}
    for name, schema in properties.items():
        value = payload.get(name)
        accepted[name] = schema.get("default") if value is None else value
    return accepted


def keeps_contract(task: str) -> Callable[[Worker[P]], Worker[P]]:
    """Hold a worker to its contract: what it gets and what it returns is checked at each call.

    For any function that returns the task's output and takes the task's input, either as one
    mapping or as keyword arguments; it sees the named fields only, with defaults filled in.

        @keeps_contract("get_recording")
        def get_recording(recording_id: str) -> dict[str, Any]: ...

    Raises:
        ValueError: There is no contract of that name (when decorating).
        ContractViolationError: Input or output breaks the contract (when called).
    """
    if task not in load_contracts().tasks:
        known = ", ".join(sorted(load_contracts().tasks))
        raise ValueError(f"there is no contract for the task {task!r}; there are: {known}")
    required = load_contracts().tasks[task].input.get("required", ())

    def decorated(worker: Worker[P]) -> Worker[P]:
        if iscoroutinefunction(worker):
            raise TypeError(f"{worker.__qualname__} is async; decorate a plain function")

        @wraps(worker)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Mapping[str, Any]:
            if args:
                output = cast("Any", worker)(accepted_input(task, cast("Any", args[0])))
            else:
                # An SDK hands None to a parameter whose field is not there.
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
    # Values from outside stand in these messages: cut them before they fill a log.
    return message if len(message) <= limit else f"{message[:limit]}…"
