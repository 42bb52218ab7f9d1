"""The few ways in which a mutant's patch changes the reference fleet, before it starts."""

from __future__ import annotations
import __future__

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import InstrumentedAttribute

from reference_workers.platform.state.unit_of_work import UnitOfWork
from reference_workers.workers import WORKERS, Worker
from trackproof.contracts.load import Contracts, load_contracts

Json = Any


def replace(module: str, name: str, make: Callable[[Any], Any]) -> None:
    """Replace `name` in `reference_workers.<module>` by what `make` makes of it.

    Args:
        module: Below the fleet's package; `workers.pad_track`, or `services.llm:LLM` for a class.
        name: What is replaced.
        make: Takes the original.

    Raises:
        AttributeError: There is no such name: the fleet has changed, and so must the mutant.
    """
    path, _, within = module.partition(":")
    # import_module: the package's attributes of these names are the workers themselves.
    place: Any = import_module(f"reference_workers.{path}")
    if within:
        place = getattr(place, within)
    setattr(place, name, make(getattr(place, name)))


def rewrite(module: str, name: str, old: str, new: str, *more: tuple[str, str]) -> None:
    """Replace a function by one whose text has `new` where `old` stands, wherever it is used.

    Once a function: what has been rewritten has no text of its own.

    Args:
        module: Below the fleet's package, such as `audio.mixer`.
        name: A function of that module.
        old: What stands in it, once.
        new: What stands there instead.
        more: More of what stands in it, each with what stands there instead.

    Raises:
        LookupError: It does not stand there once: the fleet has changed, and so must the mutant.
    """
    place: Any = import_module(f"reference_workers.{module}")
    right = getattr(place, name)
    text = inspect.getsource(right)
    for found, instead in ((old, new), *more):
        if text.count(found) != 1:
            raise LookupError(f"{module}.{name} holds {found!r} {text.count(found)} times, not 1")
        text = text.replace(found, instead)
    annotations = __future__.annotations.compiler_flag
    exec(compile(text, place.__file__, "exec", annotations), vars(place))
    for user in [m for key, m in sys.modules.items() if key.startswith("reference_workers.")]:
        if vars(user).get(name) is right:
            setattr(user, name, getattr(place, name))
    if WORKERS.get(name) is right:
        WORKERS[name] = getattr(place, name)


def around(task: str, make: Callable[[Worker], Worker]) -> None:
    """Replace a whole worker by what `make` makes of it."""
    WORKERS[task] = make(WORKERS[task])


def change_output(task: str, change: Callable[[dict[str, Json]], Json]) -> None:
    """Let `change` alter a worker's output in place."""

    def make(work: Worker) -> Worker:
        def changed(context: Any, **inputs: Json) -> dict[str, Json]:
            output = dict(work(context, **inputs))
            change(output)
            return output

        return changed

    around(task, make)


def change_input(task: str, change: Callable[[dict[str, Json]], Json]) -> None:
    """Let `change` alter a worker's inputs in place."""

    def make(work: Worker) -> Worker:
        def changed(context: Any, **inputs: Json) -> dict[str, Json]:
            change(inputs)
            return work(context, **inputs)

        return changed

    around(task, make)


def change_event(name: str, change: Callable[[dict[str, Json]], dict[str, Json] | None]) -> None:
    """Emit what `change` makes of an event's data; nothing where that is None."""
    append = UnitOfWork._append

    def changed(self: UnitOfWork, event_name: str, data: Mapping[str, Json], event_id: str) -> None:
        altered = change(dict(data)) if event_name == name else data
        if altered is not None:
            append(self, event_name, altered, event_id)

    UnitOfWork._append = changed  # type: ignore[assignment, method-assign]


def drop_event(name: str) -> None:
    """Never emit an event."""
    change_event(name, lambda _: None)


def change_workflow(change: Callable[[dict[str, Json]], Json]) -> None:
    """Let `change` alter the workflow that is registered, in place."""
    workflow = load_contracts().workflow
    assert isinstance(workflow, dict)
    change(workflow)


def task_of(workflow: dict[str, Json], reference: str) -> dict[str, Json]:
    """Return one task of a workflow, in place."""
    branches = [branch for task in workflow["tasks"] for branch in task.get("forkTasks", ())]
    tasks = [*workflow["tasks"], *(task for branch in branches for task in branch)]
    return next(task for task in tasks if task["taskReferenceName"] == reference)


def change_definitions(change: Callable[[list[dict[str, Json]]], list[dict[str, Json]]]) -> None:
    """Register what `change` makes of the task definitions."""
    right = Contracts.task_definitions
    Contracts.task_definitions = lambda self: change(right(self))  # type: ignore[method-assign]


def change_column(column: InstrumentedAttribute[Any], change: Callable[[Any], Any]) -> None:
    """Store what `change` makes of a column's new value."""

    def stored(_: Any, value: Any, __: Any, ___: Any) -> Any:
        return change(value)

    event.listen(column, "set", stored, retval=True)
