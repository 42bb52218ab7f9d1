"""The API with its uvicorn configuration, on a free port and a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from reference_workers.platform.api.server import uvicorn_config
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from trackproof.wait import wait_until

SECONDS = 20


@dataclass(frozen=True)
class ServedApi:
    """A running API and its database."""

    url: str
    http: httpx.Client
    state: State
    settings: Settings
    stop: Callable[[], None]
    """Stops the API and waits for it."""

    @property
    def ws_url(self) -> str:
        """Base URL of WebSockets."""
        return self.url.replace("http", "ws", 1)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """Send a GET request."""
        return self.http.get(path, **arguments)

    def emit(self, transcript_id: str, *names: str) -> None:
        """Emit one event for each name."""
        for name in names:
            with self.state.unit_of_work(transcript_id) as unit:
                unit.emit(name, {"about": name})


@contextmanager
def serve_api(settings: Settings) -> Iterator[ServedApi]:
    """Serve the API until the block ends."""
    server = uvicorn.Server(uvicorn_config(settings.model_copy(update={"api_port": 0})))
    thread = threading.Thread(target=server.run, name="api")
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(SECONDS)

    try:
        wait_until(
            lambda: server.started or not thread.is_alive(),
            what="the API to listen",
            timeout=SECONDS,
            interval=0.01,
        )
        assert server.started, "the API did not start; see its log"
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        with (
            httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as http,
            closing(State(settings.database_url)) as state,
        ):
            yield ServedApi(url, http, state, settings, stop)
    finally:
        stop()
    assert not thread.is_alive(), "the API did not stop"
