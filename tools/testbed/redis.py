"""A real Redis server for one run: Debian's own program, on a Unix socket in a temporary folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from tools.errors import DeadlineError, TestbedError
from tools.testbed.processes import ManagedProcess
from tools.waiting import wait_until

PROGRAM = "redis-server"
START_SECONDS = 20.0
HINT = "install Redis (Debian: apt-get install redis-server)"


@dataclass(slots=True)
class RedisServer:
    """A server that can be taken away and given back at the same place; it keeps nothing."""

    folder: Path
    _process: ManagedProcess | None = None

    @property
    def url(self) -> str:
        """Where it is."""
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
            [program, "--port", "0", "--unixsocket", "redis.sock", "--save", ""],
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

    def _answers(self) -> bool:
        try:
            with contextlib.closing(redis.Redis.from_url(self.url)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextlib.contextmanager
def start_redis() -> Iterator[RedisServer]:
    """Run a server until the block ends.

    Raises:
        TestbedError: There is none to run, or it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="trackproof-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
