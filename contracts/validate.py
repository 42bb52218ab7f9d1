"""Hold a payload against a task's input or output schema, at run time.

The validators are compiled once; jsonschema-rs keeps the cost of a large payload low.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import jsonschema_rs

from contracts.load import load_contracts

Side = Literal["input", "output"]


class ContractViolationError(ValueError):
    """A payload breaks its task's schema."""

    def __init__(self, task: str, side: Side, pointer: str, reason: str) -> None:
        """Say which task, which side, where (JSON pointer) and why."""
        super().__init__(f"{task}: {side} at {pointer or '/'}: {reason}")
        self.task = task
        self.side = side
        self.pointer = pointer
        self.reason = reason


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
        pointer = "".join(f"/{part}" for part in error.instance_path)
        raise ContractViolationError(task, side, pointer, _short(error.message))


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


def _short(message: str, limit: int = 300) -> str:
    # Values from outside stand in these messages: cut them before they fill a log.
    return message if len(message) <= limit else f"{message[:limit]}…"
