"""Patches of the reference fleet, applied before it starts."""

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
    """Replace an attribute in `reference_workers.<module>`.

    Args:
        module: Module below the package, `workers.pad_track`, or a class, `services.llm:LLM`.
        name: The attribute.
        make: Takes the original and returns the replacement.

    Raises:
        AttributeError: The attribute does not exist; the mutant must follow the fleet's change.
    """
    path, _, within = module.partition(":")
    # import_module, because the package's attributes of these names are the worker functions.
    place: Any = import_module(f"reference_workers.{path}")
    if within:
        place = getattr(place, within)
    setattr(place, name, make(getattr(place, name)))


def rewrite(module: str, name: str, old: str, new: str, *more: tuple[str, str]) -> None:
    """Replace text in a function's source, in every module that imports it, or in a method's.

    Works once for each function, because a rewritten function has no source file.

    Args:
        module: Module below the package, such as `audio.mixer`.
        name: A function of that module, or `Class.method`.
        old: Text that occurs once in its source.
        new: The replacement of `old`.
        more: Further pairs of old and new text.

    Raises:
        LookupError: A text does not occur once; the mutant must follow the fleet's change.
    """
    place: Any = import_module(f"reference_workers.{module}")
    owner_name, _, name = name.rpartition(".")
    owner = getattr(place, owner_name) if owner_name else place
    right = getattr(owner, name)
    text = inspect.getsource(right)
    for found, instead in ((old, new), *more):
        if text.count(found) != 1:
            raise LookupError(
                f"{found!r} occurs {text.count(found)} times in {module}.{name}, not 1"
            )
        text = text.replace(found, instead)
    annotations = __future__.annotations.compiler_flag
    if owner_name:
        methods: dict[str, Any] = {}
        indented = f"if True:\n{text}"
        exec(compile(indented, place.__file__, "exec", annotations), vars(place), methods)
        setattr(owner, name, methods[name])
        return
    exec(compile(text, place.__file__, "exec", annotations), vars(place))
    for user in [m for key, m in sys.modules.items() if key.startswith("reference_workers.")]:
        if vars(user).get(name) is right:
            setattr(user, name, getattr(place, name))
    if WORKERS.get(name) is right:
        WORKERS[name] = getattr(place, name)


def around(task: str, make: Callable[[Worker], Worker]) -> None:
    """Replace a worker; `make` takes the original and returns the replacement."""
    WORKERS[task] = make(WORKERS[task])


def change_output(task: str, change: Callable[[dict[str, Json]], Json]) -> None:
    """Change a worker's output; `change` modifies it in place."""

    def make(work: Worker) -> Worker:
        def changed(context: Any, **inputs: Json) -> dict[str, Json]:
            output = dict(work(context, **inputs))
            change(output)
            return output

        return changed

    around(task, make)


def change_input(task: str, change: Callable[[dict[str, Json]], Json]) -> None:
    """Change a worker's inputs; `change` modifies them in place."""

    def make(work: Worker) -> Worker:
        def changed(context: Any, **inputs: Json) -> dict[str, Json]:
            change(inputs)
            return work(context, **inputs)

        return changed

    around(task, make)


def change_event(name: str, change: Callable[[dict[str, Json]], dict[str, Json] | None]) -> None:
    """Change an event's data; the event is dropped if `change` returns None."""
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
    """Change the registered workflow; `change` modifies it in place."""
    workflow = load_contracts().workflow
    assert isinstance(workflow, dict)
    change(workflow)


def task_of(workflow: dict[str, Json], reference: str) -> dict[str, Json]:
    """Return a task of a workflow by its reference name, for changes in place."""
    branches = [branch for task in workflow["tasks"] for branch in task.get("forkTasks", ())]
    tasks = [*workflow["tasks"], *(task for branch in branches for task in branch)]
    return next(task for task in tasks if task["taskReferenceName"] == reference)


def change_definitions(change: Callable[[list[dict[str, Json]]], list[dict[str, Json]]]) -> None:
    """Change the registered task definitions; `change` returns the new ones."""
    right = Contracts.task_definitions
    Contracts.task_definitions = lambda self: change(right(self))  # type: ignore[method-assign]


def change_column(column: InstrumentedAttribute[Any], change: Callable[[Any], Any]) -> None:
    """Change every value before it is stored in a column."""

    def stored(_: Any, value: Any, __: Any, ___: Any) -> Any:
        return change(value)

    event.listen(column, "set", stored, retval=True)
