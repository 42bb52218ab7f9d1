"""Stand-ins on a TCP port, for fleets in other processes."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from trackproof.errors import TestbedError
from trackproof.testbed.stand_ins.middleware import HANG_UP, mount
from trackproof.wait import wait_until

START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedStandIns:
    """Base URLs of served stand-ins."""

    root_url: str
    urls: Mapping[str, str]
    """Base URL by service name, without a slash at the end."""

    @property
    def admin_url(self) -> str:
        """Base URL of the admin API."""
        return f"{self.root_url}/_admin"


class _HangUpProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol with the scope extension `HANG_UP`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log
        self.access_log = False
        app = self.app

        async def with_hang_up(scope: Any, receive: Any, send: Any) -> None:
            extensions = {HANG_UP: self.transport.abort}
            try:
                await app({**scope, "extensions": extensions}, receive, send)
            except asyncio.CancelledError:  # the server stops during a request
                self.cycle.disconnected = True
                self.transport.abort()

        self.app = with_hang_up


@contextmanager
def serve(
    services: Mapping[str, ASGIApp],
    admin: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[ServedStandIns]:
    """Serve each service below its name and the admin API below `_admin`.

    Args:
        services: Apps by name.
        admin: App of the admin API.
        host: Address to listen on; containers need another one than loopback.
        port: Port to listen on; 0 for any free one.

    Raises:
        TestbedError: The address cannot be bound.
        DeadlineError: The server did not start in time.
    """
    apps = {f"/{name}": mount(f"/{name}", app) for name, app in services.items()}
    apps["/_admin"] = mount("/_admin", admin)
    with serve_app("the stand-ins", _dispatcher(apps), host=host, port=port) as bound_port:
        root = f"http://{host}:{bound_port}"
        yield ServedStandIns(root, {name: f"{root}/{name}" for name in services})


@contextmanager
def serve_app(
    what: str,
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: Path | None = None,
) -> Iterator[int]:
    """Serve an app until the block ends; yield its port.

    Args:
        what: Name of the server in errors.
        app: May close a connection by the scope extension `HANG_UP`.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        certificate: A PEM file with key and chain, for HTTPS.

    Raises:
        TestbedError: The address cannot be bound.
        DeadlineError: The server did not start in time.
    """
    with _bind(what, host, port) as listener:
        bound_port: int = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_HangUpProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=1,
                ssl_certfile=certificate,
            )
        )
        thread = threading.Thread(
            target=server.run,
            args=([listener],),
            name=f"{what.removeprefix('the ')}:{bound_port}",
            daemon=True,
        )
        thread.start()
        try:
            wait_until(
                lambda: server.started or not thread.is_alive(),
                what=f"{what} to listen on {host}:{bound_port}",
                timeout=START_SECONDS,
                interval=0.005,
            )
            if not server.started:
                raise TestbedError(f"{what} did not start on {host}:{bound_port}")
            yield bound_port
        finally:
            server.should_exit = True
            server.force_exit = True  # do not wait for connections of a dead fleet
            thread.join(STOP_SECONDS)


def _bind(what: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if port:  # a port in TIME_WAIT is free
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise TestbedError(
            f"{what} cannot listen on {host}" + (f":{port}" if port else ""),
            evidence=str(error),
            hint="use an address of this machine" + (" and a free port" if port else ""),
        ) from error
    return listener


def _dispatcher(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        first = "/" + scope["path"].split("/", 2)[1]
        app = apps.get(first, _no_such_service)
        await app(scope, receive, send)

    return dispatch


async def _no_such_service(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"error": "no stand-in at this path"}, 404)(scope, receive, send)
