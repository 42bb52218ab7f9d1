"""Traceability between the product's acceptance criteria and the clauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import ROOT, Contracts
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
    """Return criteria with unknown clauses, and contracts with unknown task list items."""
    # Not `contracts.clauses`: it needs the steps, which a broken workflow does not have.
    of_tasks = [clause for task in contracts.tasks.values() for clause in task.clauses]
    known = [clause.id for clause in (*of_tasks, *contracts.pipeline_clauses)]
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
    return defects


def _item_references(contracts: Contracts) -> Iterator[tuple[str, str, str]]:
    """Yield every reference to a task list item: file, pointer, item."""
    for name, task in contracts.tasks.items():
        for index, item in enumerate(task.seed):
            yield f"tasks/{name}.yaml", f"/seed/{index}", item
        for index, clause in enumerate(task.clauses):
            yield f"tasks/{name}.yaml", f"/clauses/{index}/seed", clause.seed
    for index, clause in enumerate(contracts.pipeline_clauses):
        yield "pipeline.yaml", f"/clauses/{index}/seed", clause.seed
