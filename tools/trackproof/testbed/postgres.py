"""A PostgreSQL server for one run: the installed programs, else a container.

The process backend listens on loopback, since not every client can use a Unix socket, and asks
for a random password there. Its data is discarded, so fsync is off.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from trackproof.errors import DeadlineError, TestbedError
from trackproof.testbed.docker import ManagedContainer, docker_engine
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
IMAGE = "postgres:16"
START_SECONDS = 60.0
ENGINE_SECONDS = 5.0
USERS = ("postgres", "nobody")
"""Users to run the server as when this process is root, which PostgreSQL refuses."""

HINT = "install PostgreSQL (Debian: apt-get install postgresql) or start Docker"

FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108 - mkdtemp makes the name unique
"""Fallbacks for a temporary folder that is too long or not accessible to the server's user."""
MAX_FOLDER_BYTES = 70
"""Leaves room for a socket path of 107 bytes, the kernel's limit."""

INITDB = (
    *("-U", "trackproof", "--auth-local=trust"),
    "--auth-host=password",  # SCRAM would cost milliseconds for each connection
    *("--encoding=UTF8", "--locale=C", "--no-sync"),
)

SETTINGS = (
    "listen_addresses=127.0.0.1",
    # A killed server keeps what was committed: the kernel has it, though no disk.
    *("fsync=off", "synchronous_commit=on"),
    "full_page_writes=off",
    "dynamic_shared_memory_type=mmap",
    "max_connections=300",
)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    url: str
    """SQLAlchemy URL of its first database."""
    backend: str
    """`process` or `container`."""
    process: ManagedProcess | None = None
    """Its process; None for a container."""

    def restart(self) -> None:
        """Start the killed process again, at its address and with its data.

        Raises:
            TestbedError: It does not answer, or is a container.
        """
        if self.process is None:
            raise TestbedError("PostgreSQL does not run as a process")
        self.process.restart()
        _wait_until_ready(self.url, self.process)

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"db_{uuid.uuid4().hex}"
        self._run(f'CREATE DATABASE "{name}"')
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database and close its open connections."""
        self._run(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def _run(self, sql: str) -> None:
        with _engine(self.url) as engine, engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(sql))


@contextlib.contextmanager
def start_postgres() -> Iterator[PostgresServer]:
    """Run a server until the block ends.

    Raises:
        TestbedError: Neither programs nor a Docker engine are installed, or the start failed.
    """
    programs = find_programs()
    with _process(programs) if programs else _container() as server:
        yield server


def find_programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL programs, or None."""
    by_version = sorted(
        DEBIAN_FOLDER.glob("*/bin"), key=lambda path: _version_key(path.parent.name)
    )
    on_path = shutil.which("initdb")
    folders = [*([Path(on_path).parent] if on_path else []), *reversed(by_version)]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


@contextlib.contextmanager
def _process(programs: Path) -> Iterator[PostgresServer]:
    setpriv = _setpriv() if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(
        prefix="trackproof-pg-", dir=_folder_for(setpriv), ignore_cleanup_errors=True
    ) as name:
        home = Path(name)
        if setpriv:
            owner = pwd.getpwnam(_server_user())
            os.chown(home, owner.pw_uid, owner.pw_gid)
        data = home / "data"
        password, password_file = secrets.token_hex(16), home / "password"
        password_file.write_text(password)
        if setpriv:
            os.chown(password_file, owner.pw_uid, owner.pw_gid)
        _run_initdb(
            [
                *setpriv,
                *(str(programs / "initdb"), "-D", str(data), "--pwfile", str(password_file)),
            ],
            home,
        )
        port = _free_port()
        with ManagedProcess(
            "PostgreSQL",
            [
                *setpriv,
                str(programs / "postgres"),
                *("-D", str(data), "-p", str(port)),
                *("-c", f"unix_socket_directories={home}"),
                *(part for setting in SETTINGS for part in ("-c", setting)),
            ],
            log_path=home / "postgres.log",
            cwd=home,
        ) as process:
            url = f"postgresql+psycopg://trackproof:{password}@127.0.0.1:{port}/postgres"
            _wait_until_ready(url, process)
            yield PostgresServer(url, "process", process)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port


def _folder_for(setpriv: Sequence[str]) -> str:
    """Return the first temporary folder that the server's user can enter and that is short enough.

    Root's own temporary folder often has mode 0700.
    """
    folders = (tempfile.gettempdir(), *FOLDERS)
    for folder in folders:
        if len(os.fsencode(folder)) <= MAX_FOLDER_BYTES and _can_enter(setpriv, folder):
            return folder
    raise TestbedError(
        "PostgreSQL has no temporary folder that its user can enter and whose path is short enough",
        evidence=f"tried {', '.join(folders)}",
        hint=f"set TMPDIR to a path of at most {MAX_FOLDER_BYTES} bytes that all users can enter",
    )


def _can_enter(setpriv: Sequence[str], folder: str) -> bool:
    return subprocess.run([*setpriv, "test", "-x", folder], check=False).returncode == 0  # noqa: S603


def _run_initdb(command: Sequence[str], home: Path) -> None:
    done = subprocess.run(  # noqa: S603
        [*command, *INITDB],
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise TestbedError(
            f"initdb ended with {done.returncode}", evidence=done.stderr or done.stdout, hint=HINT
        )


def _setpriv() -> tuple[str, ...]:
    user = _server_user()
    group = pwd.getpwnam(user).pw_gid
    # --pdeathsig: the kernel clears the death signal when the user changes.
    return ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--pdeathsig=KILL")


def _server_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for user in USERS:
        if user in known:
            return user
    raise TestbedError(
        "PostgreSQL refuses to run as root, and no other user is available",
        evidence=f"tried users {', '.join(USERS)}",
        hint="run as another user, or add one named postgres",
    )


def _wait_until_ready(url: str, process: ManagedProcess) -> None:
    def is_ready() -> bool:
        if (code := process.poll()) is not None:
            raise TestbedError(f"PostgreSQL ended with {code}", evidence=process.tail(), hint=HINT)
        try:
            with _engine(url) as engine, engine.connect():
                return True
        except OperationalError:
            return False

    try:
        wait_until(is_ready, what="PostgreSQL to answer", timeout=START_SECONDS)
    except DeadlineError as error:
        raise TestbedError(str(error), evidence=process.tail(), hint=HINT) from error


@contextlib.contextmanager
def _container() -> Iterator[PostgresServer]:
    try:
        with docker_engine(timeout=ENGINE_SECONDS):
            pass
    except TestbedError as error:
        raise TestbedError(
            "PostgreSQL is not installed and no Docker engine is running",
            evidence=f"tried initdb on PATH and in {DEBIAN_FOLDER}/*/bin\n{error.what}",
            hint=HINT,
        ) from error
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - needs an engine

    container = PostgresContainer(IMAGE, driver="psycopg")
    with ManagedContainer(container) as managed:
        try:
            managed.start()
        except Exception as error:  # from Docker, testcontainers or the database driver
            raise TestbedError(
                f"no container of {IMAGE} could be started", evidence=str(error), hint=HINT
            ) from error
        yield PostgresServer(str(container.get_connection_url()), "container")


@contextlib.contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
