"""Mutants of input validation: each mishandles the invalid inputs of one task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from typing import Any

from reference_workers.errors import TransientError
from tests.mutants.model import Mutant
from tests.mutants.patches import replace
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError

Payload = Mapping[str, Any]
Accept = Callable[[str, Payload], dict[str, Any]]
Way = Callable[[Accept, str, Payload], dict[str, Any]]

INSTEAD: Mapping[str, Any] = {"integer": 0, "number": 0, "array": [], "object": {}}
"""Default of a missing field by JSON type; the string "None" for any other type."""


def made_up(right: Accept, task: str, payload: Payload) -> dict[str, Any]:
    """Replace missing and null fields by defaults."""
    schema = load_contracts().tasks[task].input
    given = {name: value for name, value in payload.items() if value is not None}
    for name in set(schema["required"]) - set(given):
        given[name] = INSTEAD.get(str(schema["properties"][name].get("type")), "None")
    return right(task, given)


def unchecked(right: Accept, task: str, payload: Payload) -> dict[str, Any]:
    """Skip the validation."""
    return {name: payload.get(name) for name in load_contracts().tasks[task].input["properties"]}


def retried(right: Accept, task: str, payload: Payload) -> dict[str, Any]:
    """Raise a retryable error for an invalid input."""
    try:
        return right(task, payload)
    except ContractViolationError as error:
        raise TransientError(str(error)) from error


def unnamed(right: Accept, task: str, payload: Payload) -> dict[str, Any]:
    """Leave the field out of the error."""
    try:
        return right(task, payload)
    except ContractViolationError as error:
        raise ContractViolationError(task, "input", "", "it is bad") from error


WAYS: tuple[tuple[str, str, Way], ...] = (
    ("bad-input-retried", "An invalid input is retried", retried),
    ("missing-made-up", "A missing or null field is replaced by a default", made_up),
    ("bad-input-unnamed", "The error of an invalid input does not name the field", unnamed),
    ("input-unchecked", "The input is not validated", unchecked),
)


def _break(task: str, way: Way) -> None:
    def make(right: Accept) -> Accept:
        return lambda name, payload: (
            way(right, name, payload) if name == task else right(name, payload)
        )

    replace("executor", "accepted_input", make)


INPUT_MUTANTS = tuple(
    Mutant(
        id=f"{task}.{name}",
        task=task,
        text=f"{text}.",
        killed_by=(f"{task}.bad-input",),
        patch=partial(_break, task, way),
    )
    for task, (name, text, way) in zip(load_contracts().tasks, cycle(WAYS), strict=False)
)
