"""Conductor's health (seed INFRA-004)."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, Field

from reference_workers.platform.api.conductor_status import (
    Conductor,
    ConductorReply,
    ConductorStatusError,
)

VERSION_SECONDS = 0.3
CAUSE_MAX_CHARACTERS = 500


class Health(BaseModel):
    """Conductor's health."""

    status: Literal["healthy", "unhealthy"]
    connected: bool = Field(description="Whether Conductor answered, healthy or not.")
    error: str | None = Field(description="Cause; null if healthy.")
    version: str | None = Field(description="Conductor's version, if known.")
    milliseconds: float = Field(description="Duration of the check.", ge=0)


class HealthCheck:
    """Single-flight health check: concurrent callers share one request."""

    def __init__(self, conductor: Conductor) -> None:
        """Check the given server."""
        self._conductor = conductor
        self._pending: asyncio.Task[Health] | None = None
        self._version: str | None = None
        self._version_is_known = False
        """True also after a failed attempt to read it."""

    async def health(self) -> Health:
        """Return Conductor's health within the client's deadline."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._check())
        return await asyncio.shield(self._pending)  # a cancelled caller must not cancel the others

    async def _check(self) -> Health:
        start = time.perf_counter()
        connected, cause = False, None
        try:
            reply = await self._conductor.health()
            connected, cause = _interpret(reply)
        except ConductorStatusError as error:
            cause = str(error)
        if cause is None:
            await self._read_version()
        else:
            self._version, self._version_is_known = None, False  # another version may start
        return Health(
            status="healthy" if cause is None else "unhealthy",
            connected=connected,
            error=cause and cause[:CAUSE_MAX_CHARACTERS],
            version=self._version,
            milliseconds=round((time.perf_counter() - start) * 1000, 3),
        )

    async def _read_version(self) -> None:
        if self._version_is_known:
            return
        self._version_is_known = True
        try:
            async with asyncio.timeout(VERSION_SECONDS):
                version = (await self._conductor.configuration()).body.get("version")
        except (ConductorStatusError, TimeoutError):
            return
        self._version = version if isinstance(version, str) else None


def _interpret(reply: ConductorReply) -> tuple[bool, str | None]:
    """Return whether Conductor answered, and why it is unhealthy (None if healthy)."""
    healthy = reply.body.get("healthy")
    if not isinstance(healthy, bool):
        problem = f"answered {reply.status} without `healthy`"
        return False, f"Conductor {problem}; is CONDUCTOR_SERVER_URL right?"
    if not healthy:
        results = reply.body.get("healthResults")
        return True, f"Conductor reports unhealthy: {results}"
    if reply.status != HTTPStatus.OK:
        return True, f"Conductor reports healthy, but answered {reply.status}"
    return True, None
