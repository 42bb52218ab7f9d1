"""Serve the console on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from trackproof.console.app import create_app
from trackproof.console.desk import Desk
from trackproof.console.warm_bench import Where
from trackproof.errors import TestbedError, UsageError
from trackproof.fleet import load_profile
from trackproof.scratch import clear_abandoned, scratch_folder
from trackproof.wait import wait_for_interrupt, wait_until

PREFIX: Final = "trackproof-console-"
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 15.0


def serve(where: Where, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; end everything that runs have started.

    Raises:
        UsageError: The port is in use.
    """
    with started(where, port) as url:
        ready(f"{url}/")
        wait_for_interrupt()


@contextmanager
def started(where: Where, port: int = 0) -> Iterator[str]:
    """Serve, and work on the queue, while the block runs; yield the address.

    Args:
        where: Where runs take place.
        port: Port on loopback; 0 for a free one.

    Raises:
        UsageError: The port is in use.
    """
    clear_abandoned(PREFIX)
    with scratch_folder(PREFIX) as folder:
        desk = Desk(where, load_profile, folder / "meetings")
        with serving(desk, port) as url:
            desk.start()
            try:
                yield url
            finally:
                desk.close()


@contextmanager
def serving(desk: Desk, port: int = 0) -> Iterator[str]:
    """Serve the pages of a desk while the block runs; yield the address.

    Raises:
        UsageError: The port is in use.
    """
    with _listener(port) as listener:
        config = uvicorn.Config(
            create_app(desk),
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="console server", daemon=True
        )
        thread.start()
        try:
            wait_until(
                lambda: server.started or not thread.is_alive(),
                what="the console to start",
                timeout=START_SECONDS,
            )
            if not server.started:
                raise TestbedError("the console did not start")
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """Signals are the command line's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be opened ({error.strerror})",
            hint="end the program that has it, or give another --port",
        ) from error
    return listener
