"""A Redis server for one run, from the installed `redis-server`, on a Unix socket or a port."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from trackproof.errors import DeadlineError, TestbedError
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stoppable import Stoppable
from trackproof.wait import wait_until

PROGRAM = "redis-server"
START_SECONDS = 20.0
HINT = "install Redis (Debian: apt-get install redis-server)"


@dataclass(slots=True)
class RedisServer(Stoppable):
    """A server that can be stopped and started again at the same address; it stores nothing."""

    folder: Path
    port: int = 0
    """Port on loopback; 0 for a Unix socket in `folder`."""
    _process: ManagedProcess | None = None

    @property
    def url(self) -> str:
        """URL for redis-py."""
        if self.port:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            TestbedError: `redis-server` is missing or does not answer.
        """
        program = shutil.which(PROGRAM)
        if program is None:
            raise TestbedError(f"there is no {PROGRAM} on this machine", hint=HINT)
        self._process = process = ManagedProcess(
            "Redis",
            [program, *self._address_options(), "--save", ""],
            log_path=self.folder / "redis.log",
            cwd=self.folder,
        )
        try:
            wait_until(self._answers, what="Redis to answer", timeout=START_SECONDS)
        except DeadlineError as error:
            raise TestbedError(str(error), evidence=process.tail(), hint=HINT) from error

    def stop(self) -> None:
        """End the server and wait for its exit; a second call does nothing."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    @property
    def process(self) -> ManagedProcess | None:
        """Its process; None before the start."""
        return self._process

    def restart(self) -> None:
        """Start the killed server again at its address, empty.

        Raises:
            TestbedError: It does not answer.
        """
        self.stop()
        self.start()

    def _address_options(self) -> list[str]:
        if self.port:
            return ["--port", str(self.port), "--bind", "127.0.0.1"]
        return ["--port", "0", "--unixsocket", "redis.sock"]

    def _answers(self) -> bool:
        try:
            with contextlib.closing(redis.Redis.from_url(self.url)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextlib.contextmanager
def start_redis(port: int = 0) -> Iterator[RedisServer]:
    """Run a server until the block ends.

    Args:
        port: Port on loopback, for clients without Unix sockets; 0 for a Unix socket.

    Raises:
        TestbedError: `redis-server` is missing or did not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="trackproof-redis-") as folder,
        RedisServer(Path(folder), port) as server,
    ):
        server.start()
        yield server
