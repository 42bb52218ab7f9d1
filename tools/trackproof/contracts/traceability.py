"""Traceability: acceptance criteria and effects, and the clauses that judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import ROOT, Contracts, TaskContract
from trackproof.contracts.yaml_files import check_data, json_pointer, read_data

FILE = "seed.yaml"


@dataclass(frozen=True, slots=True)
class Criterion:
    """An acceptance criterion of the product's task list."""

    item: str
    """Its item in the task list, such as TASK-004b."""
    text: str
    clauses: tuple[str, ...]
    not_a_worker: str | None
    """Why no clause covers it; None if clauses do."""


def load_criteria(root: Path = ROOT) -> tuple[Criterion, ...]:
    """Read all criteria, in file order.

    Raises:
        ContractFileError: The file is missing, damaged or does not match its schema.
    """
    data = read_data(root / FILE)
    check_data(root / FILE, data, read_data(ROOT / "meta" / "seed.schema.yaml"))
    return tuple(
        Criterion(
            item=item,
            text=entry["criterion"],
            clauses=tuple(entry.get("clauses", ())),
            not_a_worker=entry.get("not_a_worker"),
        )
        for item, entries in data.items()
        for entry in entries
    )


def check_traceability(contracts: Contracts, criteria: Sequence[Criterion]) -> list[ContractDefect]:
    """Return unknown clauses and task list items, and effects that no clause judges."""
    # Not `contracts.clauses`: it needs the steps, which a broken workflow does not have.
    of_tasks = [clause for task in contracts.tasks.values() for clause in task.clauses]
    outside = (*contracts.pipeline_clauses, *contracts.part_clauses)
    known = [clause.id for clause in (*of_tasks, *outside)]
    defects = []
    for criterion in criteria:
        for clause in criterion.clauses:
            if clause not in known:
                close = get_close_matches(clause, known, 1)
                hint = f"did you mean {close[0]}?" if close else "add the clause or not_a_worker"
                defects.append(
                    ContractDefect(
                        FILE,
                        json_pointer([criterion.item]),
                        f"{criterion.text!r} names the unknown clause {clause}",
                        hint,
                    )
                )
    items = list(dict.fromkeys(criterion.item for criterion in criteria))
    for file, pointer, item in _item_references(contracts):
        if item not in items:
            what = f"the task list has no item {item}"
            close = get_close_matches(item, items, 1)
            hint = f"did you mean {close[0]}?" if close else f"see {FILE}"
            defects.append(ContractDefect(file, pointer, what, hint))
    defects.extend(_promise_defects(contracts, known))
    return defects


def effect_names(effects: Mapping[str, Any]) -> list[str]:
    """Return a name for each of a task's effects, as in `judged_by`, in file order."""
    return [
        *(f"{one['action']} {one['bucket']}/{one['key']}" for one in effects.get("s3", ())),
        *(name for name in ("presign_seconds",) if name in effects),
        *(
            f"{row['table']}.{column}"
            for row in effects.get("database", ())
            for column in row["columns"]
        ),
        *(f"{call['service']}.{call['operation']}" for call in effects.get("calls", ())),
        *effects.get("events", ()),
    ]


def promise_names(task: TaskContract) -> list[str]:
    """Return a name for each promise of a task that clauses judge, as in `judged_by`."""
    return [
        *effect_names(task.effects),
        *(f"{kind}: {error}" for kind, errors in task.errors.items() for error in errors),
        "idempotency.rule",
        *(f"cache_key: {part}" for part in task.idempotency["cache_key"] or ()),
        *(f"constant {name}" for name in task.constants),
        *(
            f"default {name}"
            for name, schema in task.input["properties"].items()
            if "default" in schema
        ),
    ]


def _promise_defects(contracts: Contracts, known: Sequence[str]) -> Iterator[ContractDefect]:
    for task in contracts.tasks.values():
        file, names = f"tasks/{task.name}.yaml", promise_names(task)
        for name in names:
            if name not in task.judged_by:
                hint = "name its clauses in judged_by, or give the reason why none judges it"
                what = f"no clause judges {name!r}"
                yield ContractDefect(file, json_pointer(["judged_by"]), what, hint)
        for name, judges in task.judged_by.items():
            pointer = json_pointer(["judged_by", name])
            if name not in names:
                close = get_close_matches(name, names, 1)
                hint = (
                    f"did you mean {close[0]}?"
                    if close
                    else "its promises are: " + ", ".join(names)
                )
                yield ContractDefect(file, pointer, f"the task does not promise {name!r}", hint)
            for clause in [] if isinstance(judges, str) else judges:
                if clause not in known:
                    close = get_close_matches(clause, known, 1)
                    hint = f"did you mean {close[0]}?" if close else "add the clause"
                    yield ContractDefect(file, pointer, f"there is no clause {clause}", hint)


def _item_references(contracts: Contracts) -> Iterator[tuple[str, str, str]]:
    """Yield every reference to a task list item: file, pointer, item."""
    for name, task in contracts.tasks.items():
        for index, item in enumerate(task.seed):
            yield f"tasks/{name}.yaml", f"/seed/{index}", item
        for index, clause in enumerate(task.clauses):
            yield f"tasks/{name}.yaml", f"/clauses/{index}/seed", clause.seed
    for index, clause in enumerate(contracts.pipeline_clauses):
        yield "pipeline.yaml", f"/clauses/{index}/seed", clause.seed
    for name, part in contracts.parts.items():
        for index, clause in enumerate(part.clauses):
            yield f"{name}.yaml", f"/clauses/{index}/seed", clause.seed
