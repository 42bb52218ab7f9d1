"""A schedule: what happens to the tasks of one meeting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError

Act = Literal["twice", "unacknowledged", "unsent", "killed"]
ACTS: Final[tuple[Act, ...]] = get_args(Act)
"""`twice`: each task of the type is delivered a second time. `unacknowledged`: of each the result
arrives, and the answer to it is lost once. `unsent`: the connection of each result is reset once
before it arrives. `killed`: the fleet is killed with SIGKILL at the first result of the type, which
never arrives: between the effect and its result."""

TASKS: Final = tuple(task.name for task in load_contracts().tasks_in_order)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens, by task type."""

    acts: frozenset[tuple[str, Act]]

    @classmethod
    def of_every_task(cls, act: Act) -> Schedule:
        """Return the schedule in which one thing happens to every task."""
        return cls(frozenset((task, act) for task in TASKS))

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule of a text such as `post_zulip:killed,all:twice`.

        Raises:
            UsageError: A task or an act is unknown.
        """
        acts: set[tuple[str, Act]] = set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            task, _, name = part.partition(":")
            act = next((act for act in ACTS if act == name), None)
            if act is None or task not in {*TASKS, "all"}:
                raise UsageError(
                    f"{part!r} is no part of a schedule",
                    hint=f"use TASK:ACT or all:ACT with one of {', '.join(ACTS)}",
                )
            acts |= {(one, act) for one in (TASKS if task == "all" else (task,))}
        return cls(frozenset(acts))

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        parts: list[str] = []
        for act in ACTS:
            tasks = self.tasks_of(act)
            whole = len(tasks) == len(TASKS)
            parts += [f"all:{act}"] if whole else [f"{task}:{act}" for task in tasks]
        return ",".join(parts)

    def tasks_of(self, act: Act) -> list[str]:
        """Return the tasks to which it happens, in the order of the pipeline."""
        chosen = {task for task, one in self.acts if one == act}
        return [task for task in TASKS if task in chosen]


def base_schedules() -> Iterable[Schedule]:
    """Return the schedules in which everything happens to every task once."""
    return [Schedule.of_every_task(act) for act in ACTS]
