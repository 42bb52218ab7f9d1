"""Whether Conductor can be worked with (seed INFRA-004)."""

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
    """How Conductor is."""

    status: Literal["healthy", "unhealthy"]
    connected: bool = Field(description="Whether Conductor itself answered, however it is.")
    error: str | None = Field(description="The cause; null if it is healthy.")
    version: str | None = Field(description="Conductor's version, where it tells.")
    milliseconds: float = Field(description="How long the question took.", ge=0)


class HealthCheck:
    """Asks once at a time: who comes meanwhile shares the answer."""

    def __init__(self, conductor: Conductor) -> None:
        """Ask that server."""
        self._conductor = conductor
        self._pending: asyncio.Task[Health] | None = None
        self._version: str | None = None
        self._version_is_known = False
        """Or known not to be told."""

    async def health(self) -> Health:
        """Return how Conductor is, in time, whatever it does."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._check())
        return await asyncio.shield(self._pending)  # one who leaves does not end it for the rest

    async def _check(self) -> Health:
        began = time.perf_counter()
        connected, cause = False, None
        try:
            answer = await self._conductor.health()
            connected, cause = _interpret(answer)
        except ConductorStatusError as error:
            cause = str(error)
        if cause is None:
            await self._read_version()
        else:
            self._version, self._version_is_known = None, False  # another may come up
        return Health(
            status="healthy" if cause is None else "unhealthy",
            connected=connected,
            error=cause and cause[:CAUSE_MAX_CHARACTERS],
            version=self._version,
            milliseconds=round((time.perf_counter() - began) * 1000, 3),
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


def _interpret(answer: ConductorReply) -> tuple[bool, str | None]:
    """Return whether it was Conductor that answered, and what ails it."""
    healthy = answer.body.get("healthy")
    if not isinstance(healthy, bool):
        said = f"answered {answer.status} and does not say whether it is healthy"
        return False, f"Conductor {said}; is CONDUCTOR_SERVER_URL right?"
    if not healthy:
        results = answer.body.get("healthResults")
        return True, f"Conductor says that it is not healthy: {results}"
    if answer.status != HTTPStatus.OK:
        return True, f"Conductor says that it is healthy, but answers {answer.status}"
    return True, None
