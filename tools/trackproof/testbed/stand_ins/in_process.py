"""Stand-ins for the httpx clients of this process, without a port.

Requests to the given base URLs go to the apps, requests to loopback pass through (to real servers
of a test, such as S3), and all others fail, so that no test reaches the network by mistake.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import respx
from starlette.types import ASGIApp

from trackproof.testbed.stand_ins.middleware import ConnectionDropped, mount
from trackproof.testbed.stoppable import Stoppable

T = TypeVar("T")

_SYNC: Final = "trackproof.sync"
_LOOPBACK: Final = r"^(127\.0\.0\.1|localhost|::1)$"


@dataclass(frozen=True)
class InProcessStandIns:
    """Base URLs of in-process stand-ins."""

    urls: Mapping[str, str]
    """Base URL by service name, without a slash at the end."""


@contextmanager
def in_process(
    services: Mapping[str, ASGIApp], base_urls: Mapping[str, str]
) -> Iterator[InProcessStandIns]:
    """Answer sync and async httpx clients below `base_urls` until the block ends.

    Args:
        services: Apps by name.
        base_urls: Base URL by name; services without one are not reachable.

    Raises:
        ValueError: A base URL is for an unknown service.
    """
    unknown = base_urls.keys() - services.keys()
    if unknown:
        raise ValueError(f"unknown services: {sorted(unknown)}")
    urls = {name: url.rstrip("/") for name, url in base_urls.items()}
    with _PrivateLoop() as loop:
        router = _Router(assert_all_called=False)
        for name, url in urls.items():
            bridge = _Bridge(mount(urlsplit(url).path, services[name]), loop)
            at_or_below = rf"{re.escape(url)}(?=[/?#]|$)"
            router.route(url__regex=at_or_below, name=name).mock(side_effect=bridge)
        router.route(host__regex=_LOOPBACK, name="loopback").pass_through()
        with router:
            yield InProcessStandIns(urls)


class _Router(respx.MockRouter):
    """respx, with each request marked as sync or async."""

    def handler(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, _SYNC: True}
        return super().handler(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, _SYNC: False}
        return await super().async_handler(request)


class _Bridge:
    """Runs a request through an ASGI app on the private loop."""

    def __init__(self, app: ASGIApp, loop: _PrivateLoop) -> None:
        self._transport = httpx.ASGITransport(app)
        self._loop = loop

    def __call__(
        self, request: httpx.Request
    ) -> httpx.Response | Coroutine[Any, Any, httpx.Response]:
        timeout = request.extensions.get("timeout", {}).get("read")
        future = self._loop.submit(self._send(request))
        if not request.extensions[_SYNC]:
            return _awaited(future, timeout, request)
        try:
            return future.result(timeout)
        except TimeoutError as error:
            raise httpx.ReadTimeout("timed out", request=request) from error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._transport.handle_async_request(request)
        except ConnectionDropped as error:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from error
        return httpx.Response(
            answer.status_code, headers=answer.headers.raw, content=await answer.aread()
        )


async def _awaited(
    future: Future[httpx.Response], timeout: float | None, request: httpx.Request
) -> httpx.Response:
    """Wait as a network client does: a time-out does not cancel the service."""
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), timeout)
    except TimeoutError as error:
        raise httpx.ReadTimeout("timed out", request=request) from error


class _PrivateLoop(Stoppable):
    """An event loop in a thread of its own, for callers without one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="stand-ins", daemon=True
        )
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `coroutine` on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """Cancel all tasks and end the thread."""
        self.submit(self._cancel_tasks()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
