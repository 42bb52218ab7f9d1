"""Columns of the rows that seeders write, with their types and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.contracts.schemas.normal_forms import inline_references


@dataclass(frozen=True, slots=True)
class SeedColumn:
    """One value of a meeting that is seeded."""

    table: str
    """Key in the JSON of the seed command; `consents` is a list of rows."""
    name: str
    type: str
    example: str
    """As JSON."""
    meaning: str

    @property
    def parameter(self) -> str:
        """Name of the parameter in `seed_sql`, without the colon."""
        return f"{self.table.removesuffix('s')}_{self.name}"


def _columns() -> Iterator[SeedColumn]:
    """Yield the columns of contracts/meeting_rows.yaml."""
    schema = inline_references(load_contracts().meeting_rows)
    for table, rows in schema["properties"].items():
        row = rows.get("items", rows)
        for name, field in row["properties"].items():
            example = next(
                value
                for whole in schema["examples"]
                for one in _rows(whole[table])
                if (value := one.get(name)) is not None
            )
            optional = "" if name in row["required"] else ", may be missing"
            yield SeedColumn(
                table,
                name,
                f"{_type_of(field)}{optional}",
                json.dumps(example, ensure_ascii=False),
                field.get("description", "an earlier result").rstrip("."),
            )


def _rows(rows: Any) -> Sequence[Mapping[str, Any]]:
    return rows if isinstance(rows, list) else [rows]


def _type_of(field: Mapping[str, Any]) -> str:
    """Return the type of a column in words."""
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    names = [_TYPES[kind] for kind in kinds]
    if field.get("items", {}).get("type") == "string":
        names[0] = "list of text"
    *others, last = ", ".join(names).split(", ")
    return f"{', '.join(others)} or {last}" if others else last


_TYPES: Final = {
    "string": "text",
    "number": "number",
    "boolean": "true, false",
    "array": "list",
    "null": "null",
}

SEED_COLUMNS: Final = tuple(_columns())
"""Every column that a seeder may receive, in the contracts' terms."""


def column_lines() -> Iterator[str]:
    """Yield a line for each column: parameter, type, example and meaning."""
    for column in SEED_COLUMNS:
        about = f"{column.type}; {column.meaning}; for example {column.example}"
        yield f":{column.parameter:<26} {about}"


def parameter_list() -> str:
    """Return all parameters with their types in one line."""
    return ", ".join(f":{column.parameter} ({column.type})" for column in SEED_COLUMNS)


def json_columns() -> str:
    """Return all columns with their types as paths in the seed command's JSON, in one line."""
    return ", ".join(
        f"{column.table}{'[]' if column.table == 'consents' else ''}.{column.name} ({column.type})"
        for column in SEED_COLUMNS
    )
