"""What each attempt of a run cost, read from a fleet's database by SQL.

By one documented table, `task_costs`: so a fleet in any language that keeps one like it can be
asked the same. `task_id` and `workflow_id` have to be there; each of the others counts as 0
where it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from trackproof.errors import TestbedError
from trackproof.testbed import database

HINT = (
    "give --database the URL of the fleet's database (its DATABASE_URL); the fleet makes the "
    "table task_costs when it starts"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt, or several together, took."""

    seconds: float = 0.0
    """Of work; Conductor's own times have the way there and back in them."""
    runs: int = 0
    calls: int = 0
    """To services outside."""
    remembered: int = 0
    """Answers that needed no call."""
    bytes_in: int = 0
    bytes_out: int = 0
    audio_seconds: float = 0.0
    """Of audio decoded."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def costs_of(database_url: str, workflow_id: str) -> dict[str, Cost]:
    """Return what each attempt cost, by Conductor's task id.

    Raises:
        UsageError: That is no URL of a database.
        TestbedError: It cannot be read, or has no such table.
    """
    if database_url not in database.STARTED:
        database.check_choice(database_url)
    if not _exists(database_url):
        raise TestbedError("there is no such database", hint=HINT)
    sql = "SELECT * FROM task_costs WHERE workflow_id = :workflow_id"
    try:
        found = database.rows(database_url, sql, workflow_id=workflow_id)
    except TestbedError as error:
        raise TestbedError(
            "the database holds no costs that could be read", evidence=error.evidence, hint=HINT
        ) from error
    return {str(row["task_id"]): _cost(row) for row in found}


def _exists(database_url: str) -> bool:
    if database_url in database.STARTED:
        return False  # the name of a kind, not of a database
    url = make_url(database_url)
    # SQLite would make an empty file.
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _cost(row: dict[str, Any]) -> Cost:
    return Cost(**{one.name: row.get(one.name) or 0 for one in fields(Cost)})
