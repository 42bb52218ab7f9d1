from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, make_url, text

from tools.errors import TestbedError
from tools.testbed import database
from tools.testbed import postgres as servers
from tools.testbed.postgres import PostgresServer, find_programs, start_postgres

needs_programs = pytest.mark.skipif(find_programs() is None, reason=servers.HINT)


def test_each_database_is_empty_and_gone_when_dropped(postgres: PostgresServer) -> None:
    first, second = postgres.new_database(), postgres.new_database()
    assert first != second

    engine = create_engine(first)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x int)"))
    assert database.rows(first, "SELECT * FROM t") == []
    postgres.drop_database(first)
    postgres.drop_database(second)
    engine.dispose()

    with pytest.raises(TestbedError, match="cannot be read"):
        database.rows(first, "SELECT 1")


@needs_programs
def test_nothing_is_left_of_a_server() -> None:
    before = set(psutil.Process().children(recursive=True))
    with start_postgres() as server:
        assert server.backend == "process"
        children = set(psutil.Process().children(recursive=True)) - before
        folder = Path(str(make_url(server.url).query["host"]))
        assert folder.is_dir()
        assert any(child.name() == "postgres" for child in children)

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert not folder.exists()


@needs_programs
def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SETTINGS", ("no_such_setting=1",))

    with pytest.raises(TestbedError, match="PostgreSQL ended with") as caught, start_postgres():
        pass

    assert "no_such_setting" in caught.value.evidence


@needs_programs
def test_a_cluster_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "INITDB", ("--encoding=nonsense",))

    with pytest.raises(TestbedError, match="initdb ended with") as caught, start_postgres():
        pass

    assert "nonsense" in caught.value.evidence


def test_without_programs_and_without_an_engine_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(TestbedError, match="there is no PostgreSQL") as caught, start_postgres():
        pass

    assert "apt-get install postgresql" in caught.value.hint


def test_the_newest_programs_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "7"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    monkeypatch.setattr(servers, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", "")

    assert find_programs() == tmp_path / "15" / "bin"
