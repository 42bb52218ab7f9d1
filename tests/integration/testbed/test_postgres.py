from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import psutil
import pytest
from sqlalchemy import create_engine, text

from tests.unit.background import in_background
from trackproof.errors import TestbedError
from trackproof.testbed import database
from trackproof.testbed import postgres as servers
from trackproof.testbed.postgres import PostgresServer, find_programs, start_postgres
from trackproof.testbed.stoppable import Stoppable

needs_programs = pytest.mark.skipif(find_programs() is None, reason=servers.HINT)


def test_new_database_is_empty_and_can_be_dropped(postgres: PostgresServer) -> None:
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
def test_stopped_server_leaves_nothing() -> None:
    with start_postgres() as server:
        assert server.backend == "process"
        [row] = database.rows(server.url, "SHOW data_directory")
        data = Path(row["data_directory"])
        first = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        processes = [first, *first.children()]
        assert len(processes) > 1

    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    assert not data.parent.exists()


@needs_programs
@pytest.mark.nightly
def test_a_killed_server_starts_again_with_its_data() -> None:
    with start_postgres() as server:
        assert server.process is not None
        engine = create_engine(server.url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (x int)"))
        for _ in range(3):
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO t VALUES (1)"))
            server.process.send_signal(signal.SIGKILL)  # at once: nothing committed may be lost
            server.restart()
            engine.dispose()
        assert database.rows(server.url, "SELECT * FROM t") == [{"x": 1}] * 3


@needs_programs
@pytest.mark.parametrize("own", ["owner-only", "x" * 80])
def test_unsuitable_temporary_folder_is_replaced(
    own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if len(own) < 80 and os.geteuid():
        pytest.skip("the server runs as this user, who can enter the folder")
    folder = tmp_path / own
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    with start_postgres() as server:
        assert database.rows(server.url, "SELECT 1 AS one") == [{"one": 1}]
        assert list(folder.iterdir()) == []


@needs_programs
def test_missing_temporary_folder_is_an_error_with_the_tried_ones(
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
def test_failed_start_is_an_error_with_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SETTINGS", ("no_such_setting=1",))

    with pytest.raises(TestbedError, match="PostgreSQL ended with") as caught, start_postgres():
        pass

    assert "no_such_setting" in caught.value.evidence


@needs_programs
def test_failed_initdb_is_an_error_with_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "INITDB", ("--encoding=nonsense",))

    with pytest.raises(TestbedError, match="initdb ended with") as caught, start_postgres():
        pass

    assert "nonsense" in caught.value.evidence


def test_missing_programs_and_engine_are_an_error_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with (
        pytest.raises(TestbedError, match="PostgreSQL is not installed") as caught,
        start_postgres(),
    ):
        pass

    assert "apt-get install postgresql" in caught.value.hint


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the installed programs, so that the container backend is used."""
    monkeypatch.setattr(servers, "find_programs", lambda: None)


@pytest.mark.usefixtures("no_programs")
def test_failed_pull_is_an_error_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with engine_without_images(tmp_path / "engine.sock") as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(TestbedError, match="no container of") as caught, start_postgres():
            pass

    assert "no route to the registry" in caught.value.evidence
    assert "apt-get install postgresql" in caught.value.hint


@pytest.mark.usefixtures("no_programs")
def test_container_is_removed_and_errors_of_the_block_are_not_wrapped(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    calls: list[str] = []

    class Container:
        """A fake container that leads to the running server."""

        def __init__(self, image: str, driver: str) -> None:
            calls.append(f"{image}, {driver}")

        def get_connection_url(self) -> str:
            return postgres.url

    class Managed(Stoppable):
        """A fake `ManagedContainer`."""

        def __init__(self, container: Container) -> None:
            calls.append("labelled")

        def start(self) -> None:
            calls.append("started")

        def stop(self) -> None:
            calls.append("stopped")

    monkeypatch.setattr(servers, "docker_engine", lambda **_: nullcontext())
    monkeypatch.setattr(servers, "ManagedContainer", Managed)
    monkeypatch.setattr("testcontainers.community.postgres.PostgresContainer", Container)

    def use_and_fail() -> None:
        with start_postgres() as server:
            assert server.backend == "container"
            url = server.new_database()
            assert database.rows(url, "SELECT 1 AS one") == [{"one": 1}]
            server.drop_database(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()
    assert calls == ["postgres:16, psycopg", "labelled", "started", "stopped"]


@contextmanager
def engine_without_images(path: Path) -> Iterator[str]:
    """Serve the part of Docker's API that reports a missing image and a failed pull."""

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

        do_GET = do_POST = do_HEAD = answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Log nothing; a Unix socket has no address."""

    with ThreadingUnixStreamServer(str(path), Handler) as server, in_background(server):
        yield f"unix://{path}"


def test_newest_programs_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "7"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    monkeypatch.setattr(servers, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", "")

    assert find_programs() == tmp_path / "15" / "bin"
