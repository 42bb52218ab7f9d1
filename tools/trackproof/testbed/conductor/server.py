"""A running Conductor server, whichever backend started it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from trackproof.errors import TestbedError
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stoppable import Stoppable

Backend = Literal["container", "process", "url"]


@dataclass(frozen=True, kw_only=True)
class ConductorServer(Stoppable):
    """A Conductor whose health check and metadata API have answered.

    Each backend supplies the callables that read the log, watch and end its server.
    """

    api_url: str
    """URL for clients on this machine; ends in `/api`."""
    internal_api_url: str
    """URL for clients in a container on the same network; ends in `/api`."""
    backend: Backend
    version: str
    read_log: Callable[[int], str] = field(repr=False)
    exit_code: Callable[[], int | None] = field(repr=False)
    end: Callable[[], None] = field(repr=False)
    process: ManagedProcess | None = field(default=None, repr=False)
    """Its process; None for a container, a durable server or one given by its URL."""
    restart: Callable[[], None] | None = field(default=None, repr=False)
    """Kills it and starts it again with its state; None where it would lose its runs."""

    @property
    def base_url(self) -> str:
        """URL without `/api`, the parent of `/health` and `/swagger-ui`."""
        return self.api_url.removesuffix("/api")

    def poll(self) -> int | None:
        """Return the server's exit code; None while it runs, and for a server given by its URL."""
        return self.exit_code()

    def check_alive(self) -> None:
        """Check that the server runs.

        Raises:
            TestbedError: It has exited; with its last log lines.
        """
        if (code := self.poll()) is not None:
            raise TestbedError(
                f"Conductor {self.version} has ended with exit code {code}",
                evidence=self.logs(),
                hint="read the end of its log above, and start it again",
            )

    def logs(self, lines: int = 30) -> str:
        """Return the last lines of the server's log, also after `stop`."""
        return self.read_log(lines)

    def stop(self) -> None:
        """End the server, except one given by its URL; a second call does nothing."""
        self.end()
