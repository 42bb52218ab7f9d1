"""The documented seed columns are those that a seeder receives, and errors name them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures_audio import make_meeting
from trackproof.errors import FleetError
from trackproof.fleet.scaffold import new_profile
from trackproof.fleet.seed_columns import SEED_COLUMNS
from trackproof.fleet.seeders import CommandSeeder, SeedCommand, SqlSeeder
from trackproof.runs.scenario import Scenario

DOCS = Path(__file__).parents[4] / "docs" / "fleets.md"


def test_columns_are_those_of_a_scenario() -> None:
    meeting = make_meeting(tracks=1, seconds=8.0, seed=0)
    scenario = Scenario(meeting, (), frozenset(), "1f2e", datetime.now(UTC))
    rows = scenario.rows("http://h", "s")
    sent = {
        (table, name)
        for table, row in rows.items()
        for name in (row[0] if isinstance(row, list) else row)
    }

    assert sent <= {(column.table, column.name) for column in SEED_COLUMNS}
    optional = {column.name for column in SEED_COLUMNS if "may be missing" in column.type}
    assert {name for _, name in sent} & optional == set()


@pytest.mark.parametrize("column", SEED_COLUMNS, ids=lambda column: column.parameter)
def test_column_is_in_the_docs_and_the_template(column: object) -> None:
    assert isinstance(column, type(SEED_COLUMNS[0]))
    json.loads(column.example)
    assert f":{column.parameter} " in new_profile()
    assert f"| `{column.table}` | `{column.name}` | {column.type} |" in DOCS.read_text()


def test_failing_seeders_name_the_columns(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no table rooms')")
    with pytest.raises(FleetError) as by_command:
        CommandSeeder(SeedCommand("mine", command, tmp_path, {})).seed({})
    with pytest.raises(FleetError) as by_sql:
        SqlSeeder("mine", ("INSERT INTO rooms VALUES (:room_id)",), "sqlite://").seed({})

    assert by_command.value.evidence == "no table rooms"
    assert "room.webhook_url (text or null)" in by_command.value.hint
    assert ":room_webhook_url (text or null)" in by_sql.value.hint


def test_misspelt_parameter_is_no_null() -> None:
    with pytest.raises(FleetError, match="there is no parameter :room_nmae") as caught:
        SqlSeeder("mine", ("SELECT :room_nmae",), "sqlite://").seed({"room": {"name": "x"}})

    assert caught.value.hint == "did you mean :room_name?"
