"""Backend "durable": a Conductor as a process that keeps its runs in Redis over a kill."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from trackproof.errors import UsageError
from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.redis import RedisServer, start_redis

VERSION: Final = "3.15.0"
"""The version whose Redis store has been seen to survive: docs/conductor.md."""


def start_durable(version: str, *, report: Report) -> ConductorServer:
    """Start Redis and a Conductor that stores its runs in it.

    Raises:
        UsageError: The version has no such store here.
        TestbedError: Redis or the server could not be started.
    """
    if version != VERSION:
        raise UsageError(
            f"Conductor {version} cannot be started with a durable store",
            hint=f"leave out the version, or give {VERSION}",
        )
    with ExitStack() as stack:
        durable = _Durable(stack.enter_context(start_redis(_free_port())), report)
        stack.callback(durable.end_server)
        durable.start()
        return durable.as_server(stack.pop_all())


class _Durable:
    """The running server and its successors at the same address."""

    def __init__(self, redis: RedisServer, report: Report) -> None:
        self._redis = redis
        self._report = report
        self._port = _free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="trackproof-durable-"))
        self._server: ConductorServer | None = None
        self._ended = False
        self._lock = threading.Lock()

    @property
    def server(self) -> ConductorServer:
        assert self._server is not None, "it has been started"
        return self._server

    def start(self) -> None:
        store = "redis_standalone"
        self._server = start_process(
            VERSION,
            report=self._report,
            port=self._port,
            folder=self._folder,
            arguments=(
                f"--conductor.db.type={store}",
                f"--conductor.queue.type={store}",
                f"--conductor.redis.hosts=127.0.0.1:{self._redis.port}:us-east-1c",
            ),
        )

    def restart(self) -> None:
        """Kill the server with SIGKILL and start it again."""
        with self._lock:
            if self._ended:
                return
            process = self.server.process
            assert process is not None
            process.send_signal(signal.SIGKILL)
            self.server.stop()
            self.start()

    def end_server(self) -> None:
        with self._lock:
            self._ended = True
            if self._server is not None:
                self._server.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def exit_code(self) -> int | None:
        """Return the exit code; None while a restart is under way."""
        if self._lock.locked():
            return None
        return self.server.poll()

    def logs(self, lines: int) -> str:
        return self.server.logs(lines)

    def as_server(self, stack: ExitStack) -> ConductorServer:
        return ConductorServer(
            api_url=self.server.api_url,
            internal_api_url=self.server.internal_api_url,
            backend="process",
            version=VERSION,
            read_log=self.logs,
            exit_code=self.exit_code,
            end=stack.close,
            restart=self.restart,
        )


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port
