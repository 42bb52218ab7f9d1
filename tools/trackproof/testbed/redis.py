"""A real Redis server for one run: Debian's own program, on a Unix socket or a free port."""

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
from trackproof.wait import wait_until

PROGRAM = "redis-server"
START_SECONDS = 20.0
HINT = "install Redis (Debian: apt-get install redis-server)"


@dataclass(slots=True)
class RedisServer:
    """A server that can be taken away and given back at the same place; it keeps nothing."""

    folder: Path
    port: int = 0
    """On loopback; 0 for the Unix socket in `folder`."""
    _process: ManagedProcess | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        if self.port:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        """Run it, and return when it answers.

        Raises:
            TestbedError: There is no such program, or it does not answer.
        """
        program = shutil.which(PROGRAM)
        if program is None:
            raise TestbedError(f"there is no {PROGRAM} on this machine", hint=HINT)
        self._process = process = ManagedProcess(
            "Redis",
            [program, *self._listening(), "--save", ""],
            log_path=self.folder / "redis.log",
            cwd=self.folder,
        )
        try:
            wait_until(self._answers, what="Redis to answer", timeout=START_SECONDS)
        except DeadlineError as error:
            raise TestbedError(str(error), evidence=process.tail(), hint=HINT) from error

    def stop(self) -> None:
        """End it; return when it is gone."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _listening(self) -> list[str]:
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
        port: Of loopback, for clients that know no Unix sockets.

    Raises:
        TestbedError: There is none to run, or it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="trackproof-redis-") as folder:
        server = RedisServer(Path(folder), port)
        try:
            server.start()
            yield server
        finally:
            server.stop()
