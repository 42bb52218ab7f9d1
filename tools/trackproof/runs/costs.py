"""Costs of the attempts of a run, read from the table `task_costs` of a fleet's database.

A fleet in any language can provide that table. Only the columns `task_id` and `workflow_id` are
required; a missing column of `Cost` counts as 0.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from trackproof.errors import TestbedError
from trackproof.events.timeline import Cost
from trackproof.testbed import database

HINT = (
    "give --database the URL of the fleet's database (its DATABASE_URL); the fleet creates "
    "the table task_costs when it starts"
)


def read_costs(database_url: str, workflow_id: str) -> dict[str, Cost]:
    """Return the cost of each attempt of a run, by Conductor's task id.

    Raises:
        UsageError: `database_url` is not a database URL.
        TestbedError: The database does not exist, cannot be read, or has no cost table.
    """
    if database_url not in database.STARTED:
        database.check_choice(database_url)
    if not _exists(database_url):
        raise TestbedError("the database does not exist", hint=HINT)
    sql = "SELECT * FROM task_costs WHERE workflow_id = :workflow_id"
    try:
        rows = database.rows(database_url, sql, workflow_id=workflow_id)
    except TestbedError as error:
        raise TestbedError(
            "the table task_costs cannot be read", evidence=error.evidence, hint=HINT
        ) from error
    return {str(row["task_id"]): _cost(row) for row in rows}


def _exists(database_url: str) -> bool:
    if database_url in database.STARTED:
        return False  # a kind of database, not a URL
    url = make_url(database_url)
    # Connecting to a missing SQLite file would create it.
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _cost(row: dict[str, Any]) -> Cost:
    return Cost(**{field.name: row.get(field.name) or 0 for field in fields(Cost)})
