"""A running Conductor, the same to its user whatever started it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

Backend = Literal["container", "process", "url"]


@dataclass(frozen=True, kw_only=True)
class ConductorServer:
    """A Conductor that answered its health check and its metadata API.

    Every backend makes one of these and fills in how to read, watch and end what it started.
    """

    api_url: str
    """For callers on this machine; ends in `/api`."""
    internal_api_url: str
    """For callers in a container on the same network; ends in `/api`."""
    backend: Backend
    version: str
    read_log: Callable[[int], str] = field(repr=False)
    exit_code: Callable[[], int | None] = field(repr=False)
    end: Callable[[], None] = field(repr=False)

    @property
    def base_url(self) -> str:
        """The address without `/api`, where `/health` and `/swagger-ui` are."""
        return self.api_url.removesuffix("/api")

    @property
    def alive(self) -> bool:
        """Whether what was started still runs. A server given by its URL always counts."""
        return self.poll() is None

    def poll(self) -> int | None:
        """Return the server's exit code, or None while it runs."""
        return self.exit_code()

    def logs(self, lines: int = 30) -> str:
        """Return the last lines the server wrote, also after `stop`."""
        return self.read_log(lines)

    def stop(self) -> None:
        """End what was started; a second call does nothing. A given URL is left alone."""
        self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
