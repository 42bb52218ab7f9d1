from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from reference_workers.platform import migrate
from reference_workers.platform.state import schema_revision
from reference_workers.platform.state.models import Base
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.schema_revision import MigrationError
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID

PROCESSES = 4
MIGRATES = "import sys; from reference_workers.platform.state.repository import State; "
MIGRATES += "State(sys.argv[1]).migrate()"


def rows(state: State, sql: str) -> list[tuple[object, ...]]:
    with state.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def tables(state: State) -> set[str]:
    with state.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def with_rows(state: State) -> None:
    """Add a workflow, events and branches to the meeting."""
    state.store_workflow("rec-1", "workflow-1")
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.title = "Budget"
        unit.emit("FINAL_TITLE", {"title": "Budget"})
        unit.expect_branches("workflow-1", "pad_track", ["pad_track_0"])


def test_migrations_match_the_models(empty_state: State) -> None:
    empty_state.migrate()

    with empty_state.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(state: State) -> None:
    state.migrate()

    assert schema_revision.current(state.engine) == schema_revision.newest()
    assert state.transcript(TRANSCRIPT_ID).id == TRANSCRIPT_ID


def test_every_revision_downgrades_and_upgrades_with_rows(state: State) -> None:
    with_rows(state)

    for revision in ("r2", "r1", "base"):
        schema_revision.downgrade(state.engine, revision)
        assert (schema_revision.current(state.engine) or "base") == revision
    assert tables(state) <= {"alembic_version"}
    for revision in ("r1", "r2", "head"):
        schema_revision.upgrade(state.engine, revision)

    assert tables(state) == {"alembic_version", *Base.metadata.tables}


def test_downgrading_r2_keeps_all_other_data(state: State) -> None:
    with_rows(state)
    tables_kept = {
        "recordings": "SELECT id, bucket_name, CAST(track_keys AS VARCHAR) FROM recordings",
        "transcripts": "SELECT id, recording_id, room_id, status, title FROM transcripts",
        "consents": "SELECT transcript_id, participant_id, granted FROM consents",
        "rooms": "SELECT * FROM rooms",
    }
    before = {table: rows(state, sql) for table, sql in tables_kept.items()}
    assert all(before.values())

    schema_revision.downgrade(state.engine, "r1")

    with state.engine.connect() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("recordings")}
        indexes = {index["name"] for index in inspect(connection).get_indexes("recordings")}
    assert "workflow_id" not in columns
    assert indexes == {"ix_recordings_meeting_id"}
    assert {table: rows(state, sql) for table, sql in tables_kept.items()} == before

    state.migrate()

    assert {table: rows(state, sql) for table, sql in tables_kept.items()} == before
    recording = state.recording_of(state.transcript(TRANSCRIPT_ID))
    assert recording is not None
    assert recording.workflow_id is None


def test_recordings_are_indexed_by_workflow(state: State) -> None:
    state.store_workflow("rec-1", "workflow-1")

    recording = state.recording_by_workflow("workflow-1")
    assert recording is not None
    assert recording.id == "rec-1"
    assert state.recording_by_workflow("workflow-2") is None
    with state.engine.connect() as connection:
        indexes = inspect(connection).get_indexes("recordings")
    assert ["workflow_id"] in [index["column_names"] for index in indexes]


def test_concurrent_processes_may_migrate(empty_state: State, each_database_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATES, each_database_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    errors = [process.communicate()[1] for process in started]

    assert [process.returncode for process in started] == [0] * PROCESSES, errors
    assert schema_revision.current(empty_state.engine) == schema_revision.newest()


def test_a_failed_migration_is_rolled_back(
    empty_state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema_revision.upgrade(empty_state.engine, "r1")
    with empty_state.engine.begin() as connection:  # conflicts with r3
        connection.execute(text("CREATE TABLE leases (name VARCHAR)"))

    with pytest.raises(Exception, match="leases"):
        empty_state.migrate()

    assert schema_revision.current(empty_state.engine) == "r1"
    with empty_state.engine.connect() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("recordings")}
    assert "workflow_id" not in columns
    assert "events" not in tables(empty_state)


def test_tables_without_a_revision_are_not_migrated(empty_state: State) -> None:
    Base.metadata.create_all(empty_state.engine)

    with pytest.raises(MigrationError, match="tables but no revision"):
        empty_state.migrate()


@pytest.mark.parametrize("migration", [schema_revision.upgrade, schema_revision.downgrade])
def test_an_unknown_revision_is_an_error(state: State, migration: object) -> None:
    assert callable(migration)
    with pytest.raises(MigrationError, match="newest revision is r7"):
        migration(state.engine, "r99")


def test_the_command_prints_the_revision(
    each_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", each_database_url)

    for command in ("current", "upgrade r1", "upgrade", "current", "downgrade base"):
        migrate.main(command.split())

    assert capsys.readouterr().out.split() == ["base", "r1", "r7", "r7", "base"]


def test_the_command_reports_errors(
    each_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", each_database_url)

    with pytest.raises(SystemExit, match="2"):
        migrate.main(["upgrade", "r99"])
    assert "Hint:" in capsys.readouterr().err
