"""Which clauses judge a fault, and which code no clause can reach (`scope.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.mutants.generated.faults import FLEET, Fault
from trackproof.contracts.load import load_contracts


@cache
def _content() -> dict[str, Any]:
    text = Path(__file__).with_name("scope.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def reached_modules() -> dict[str, list[str]]:
    """Return the task types and groups of clauses by each module below `reference_workers`."""
    return dict(_content()["reached_by"])


def left_out() -> dict[str, str]:
    """Return why a function, a module, or a package with all that is in it, is left out."""
    return dict(_content()["left_out"])


def modules_with_code() -> Iterator[str]:
    """Yield every module of the fleet but packages."""
    for file in sorted(FLEET.rglob("*.py")):
        if file.name != "__init__.py":
            yield ".".join(file.relative_to(FLEET).with_suffix("").parts)


def clauses_for(module: str) -> tuple[str, ...]:
    """Return the clauses that a module's faults can reach; those of single tasks come first.

    Without `<task>.definition`: the testbed registers the definitions.
    """
    groups = {
        name: {f"pipeline.{clause}" for clause in clauses}
        for name, clauses in _content()["groups"].items()
    }
    chosen = []
    for group in reached_modules()[module]:
        for clause in load_contracts().clauses:
            if group == "meetings":
                grouped = set().union(*groups.values())
                of_group = clause.task == "pipeline" and clause.id not in grouped
            else:
                of_group = clause.id in groups.get(group, ()) or clause.task == group
            if of_group and not clause.id.endswith(".definition"):
                chosen.append(clause.id)
    return tuple(chosen)


def is_left_out(fault: Fault) -> bool:
    """Return whether no clause can reach the changed function."""
    place = fault.id.partition(":")[0]
    return any(place == name or place.startswith(f"{name}.") for name in left_out())


def row_of(module: str) -> str:
    """Return the table's row of a module: its task, or its package if several tasks use it."""
    tasks = [name for name in reached_modules()[module] if name in load_contracts().tasks]
    if len(tasks) == 1 and module.startswith(("workers.", "audio.", "services.")):
        return tasks[0]
    package = module.partition(".")[0] if "." in module else "core"
    return f"several tasks ({package})"
