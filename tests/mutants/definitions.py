"""Mutants of the registered task definitions: each has one wrong rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import cycle
from typing import Any

from tests.mutants.model import Mutant
from trackproof.contracts.load import Contracts, load_contracts

WRONG: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("allows one retry", {"retryCount": 1}),
    ("has a response time-out of 1 s", {"responseTimeoutSeconds": 1}),
    ("fails the workflow after a time-out", {"timeoutPolicy": "TIME_OUT_WF"}),
    ("has a fixed retry delay of 60 s", {"retryLogic": "FIXED", "retryDelaySeconds": 60}),
    ("has a time-out of an hour", {"timeoutSeconds": 3600}),
)


def _break(task: str, wrong: Mapping[str, Any]) -> None:
    right = Contracts.task_definitions

    def changed(self: Contracts) -> list[dict[str, Any]]:
        return [{**one, **wrong} if one["name"] == task else one for one in right(self)]

    Contracts.task_definitions = changed  # type: ignore[method-assign]


DEFINITION_MUTANTS = tuple(
    Mutant(
        id=f"{task}.definition-{next(iter(wrong))}",
        task=task,
        text=f"The registered definition {text}.",
        killed_by=(f"{task}.definition",),
        patch=partial(_break, task, wrong),
    )
    for task, (text, wrong) in zip(load_contracts().tasks, cycle(WRONG), strict=False)
)
