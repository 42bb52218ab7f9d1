"""Mutants of what is registered: each task's definition with one number or word wrong."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import cycle
from typing import Any

from tests.mutants.model import Mutant
from trackproof.contracts.load import Contracts, load_contracts

WRONG: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("is retried once only", {"retryCount": 1}),
    ("must answer within a second", {"responseTimeoutSeconds": 1}),
    ("is never retried after a time-out", {"timeoutPolicy": "TIME_OUT_WF"}),
    ("is retried without a pause that grows", {"retryLogic": "FIXED", "retryDelaySeconds": 60}),
    ("may take an hour", {"timeoutSeconds": 3600}),
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
        text=f"It is registered so that it {text}.",
        killed_by=(f"{task}.definition",),
        patch=partial(_break, task, wrong),
    )
    for task, (text, wrong) in zip(load_contracts().tasks, cycle(WRONG), strict=False)
)
