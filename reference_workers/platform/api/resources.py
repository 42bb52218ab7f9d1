"""Resources that the API opens once and shares among all requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends
from starlette.requests import HTTPConnection

from reference_workers.platform.api.conductor_status import Conductor
from reference_workers.platform.api.health import HealthCheck
from reference_workers.platform.api.tokens import Tokens
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.subscriptions import Subscriptions
from reference_workers.services.storage import Storage
from reference_workers.settings import Settings

STORAGE_THREADS = 16
"""Separate threads, so that a hanging storage does not block database reads."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Clients of everything outside the process."""

    settings: Settings
    tokens: Tokens
    state: State
    storage: Storage
    storage_threads: ThreadPoolExecutor
    conductor: Conductor
    health: HealthCheck
    subscriptions: Subscriptions
    subscriber_slots: asyncio.Semaphore
    """Limits concurrent subscribers."""

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Open all resources and migrate the database; close them when the block ends.

        Raises:
            TransientError: The database does not answer.
        """
        async with AsyncExitStack() as stack:
            state = State(settings.database_url)
            stack.callback(state.close)
            await asyncio.to_thread(state.migrate)
            storage = Storage(settings)
            stack.callback(storage.close)
            threads = ThreadPoolExecutor(STORAGE_THREADS, thread_name_prefix="storage")
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
            conductor = Conductor(settings.conductor_server_url)
            stack.push_async_callback(conductor.aclose)
            subscriptions = await stack.enter_async_context(
                Subscriptions.open(state, settings.redis_url)
            )
            yield cls(
                settings=settings,
                tokens=Tokens(settings.api_tokens),
                state=state,
                storage=storage,
                storage_threads=threads,
                conductor=conductor,
                health=HealthCheck(conductor),
                subscriptions=subscriptions,
                subscriber_slots=asyncio.Semaphore(settings.api_subscribers),
            )


def resources_of(connection: HTTPConnection) -> Resources:
    """Return the resources of a request's or WebSocket's app."""
    resources: Resources = connection.app.state.resources
    return resources


ApiResources = Annotated[Resources, Depends(resources_of)]
