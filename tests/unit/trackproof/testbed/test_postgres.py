from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Self

import psutil
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.unit.background import in_background
from trackproof.errors import TestbedError
from trackproof.testbed import database
from trackproof.testbed import postgres as servers
from trackproof.testbed.postgres import PostgresServer, find_programs, start_postgres

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
@pytest.mark.parametrize("own", ["for-its-owner-alone", "x" * 80])
def test_a_temporary_folder_that_does_not_suit_it_is_left_for_one_that_does(
    own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if len(own) < 80 and os.geteuid():
        pytest.skip("the server runs as this user, who enters all that is its own")
    folder = tmp_path / own
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    with start_postgres() as server:
        assert database.rows(server.url, "SELECT 1 AS one") == [{"one": 1}]
        assert list(folder.iterdir()) == []


@needs_programs
def test_without_a_folder_that_suits_it_it_is_told_which_were_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setattr(tempfile, "tempdir", str(missing))
    monkeypatch.setattr(servers, "FOLDERS", ())

    with pytest.raises(TestbedError, match="no temporary folder") as caught, start_postgres():
        pass

    assert str(missing) in caught.value.evidence
    assert "set TMPDIR" in caught.value.hint


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


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave nothing but containers to run PostgreSQL in."""
    monkeypatch.setattr(servers, "find_programs", lambda: None)


@pytest.mark.usefixtures("no_programs")
def test_an_engine_that_can_pull_nothing_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with engine_without_images(tmp_path / "engine.sock") as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(TestbedError, match="no container of") as caught, start_postgres():
            pass

    assert "no route to the registry" in caught.value.evidence
    assert "apt-get install postgresql" in caught.value.hint


@pytest.mark.usefixtures("no_programs")
def test_a_container_serves_and_goes_and_what_fails_meanwhile_is_not_its_failure(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    story: list[str] = []

    class Container:
        """Runs the way testcontainers' own does, and leads to the server that is here."""

        def __init__(self, image: str, driver: str) -> None:
            story.append(f"{image}, {driver}")

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            story.append("gone")

        def get_connection_url(self) -> str:
            return postgres.url

    monkeypatch.setattr(servers, "docker_engine", lambda **_: nullcontext())
    monkeypatch.setattr("testcontainers.community.postgres.PostgresContainer", Container)

    def fail_meanwhile() -> None:
        with start_postgres() as server:
            assert server.backend == "container"
            url = server.new_database()
            assert database.rows(url, "SELECT 1 AS one") == [{"one": 1}]
            server.drop_database(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert story == ["postgres:16, psycopg", "gone"]


@contextmanager
def engine_without_images(path: Path) -> Iterator[str]:
    """Serve as much of Docker's API as shows that no image is here or to be had."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = 404, {"message": "No such image"}
            if self.path.endswith(("/_ping", "/version", "/info")):
                status, body = 200, {"ApiVersion": "1.41", "Version": "20.10"}
            elif "/images/create" in self.path:
                status, body = 500, {"message": "no route to the registry"}
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_HEAD = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing; a Unix socket has no address to log."""

    with ThreadingUnixStreamServer(str(path), Handler) as server, in_background(server):
        yield f"unix://{path}"


def test_the_newest_programs_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "7"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    monkeypatch.setattr(servers, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", "")

    assert find_programs() == tmp_path / "15" / "bin"
