"""Clauses, and the parts of the product around the fleet that have them, one YAML file each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from trackproof.contracts.yaml_files import check_data, read_data

PART_NAMES: Final = ("trigger", "switch", "comparison", "deployment")
"""The parts of the product around the fleet."""

NOT_TASKS: Final = frozenset({"pipeline", *PART_NAMES})
"""Groups of clauses that are no task type: their tests run the whole pipeline."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement, as one sentence."""

    id: str
    task: str
    """The task type, `pipeline`, or a part of the product."""
    text: str
    seed: str
    """The item of the product's task list that it covers."""
    severity: Literal["must", "should"]


@dataclass(frozen=True, slots=True)
class ProductPart:
    """The requirements for one part of the product around the fleet."""

    name: str
    summary: str
    constants: Mapping[str, Any]
    """Values that the clauses mention."""
    notes: tuple[str, ...]
    clauses: tuple[Clause, ...]


def read_parts(root: Path, meta: Path, definitions: Mapping[str, Any]) -> dict[str, ProductPart]:
    """Return the parts of the contracts folder `root` by name.

    Args:
        root: The contracts folder.
        meta: The folder of the schemas.
        definitions: `$defs` of task.schema.yaml.

    Raises:
        ContractFileError: A file is missing, damaged or does not match its schema.
    """
    schema = {**read_data(meta / "part.schema.yaml"), "$defs": definitions}
    return {name: _part(name, root / f"{name}.yaml", schema) for name in PART_NAMES}


def _part(name: str, path: Path, schema: dict[str, Any]) -> ProductPart:
    data = read_data(path)
    check_data(path, data, schema)
    return ProductPart(
        name=name,
        summary=data["summary"],
        constants=data.get("constants", {}),
        notes=tuple(data.get("notes", ())),
        clauses=clauses_in(name, data),
    )


def clauses_in(task: str, data: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Return the clauses of a file's data."""
    return tuple(Clause(task=task, **clause) for clause in data["clauses"])
