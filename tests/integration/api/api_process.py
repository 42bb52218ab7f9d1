"""The API as it is served in earnest, on a free port and a thread of this process."""

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
    """Where it is, and the database behind it."""

    url: str
    http: httpx.Client
    state: State
    settings: Settings
    stop: Callable[[], None]
    """Have it stop, and return when it has."""

    @property
    def ws_url(self) -> str:
        """The base for WebSockets."""
        return self.url.replace("http", "ws", 1)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """Ask for a path."""
        return self.http.get(path, **arguments)

    def tell(self, transcript_id: str, *names: str) -> None:
        """Have an event a name happen to a transcript."""
        for name in names:
            with self.state.unit_of_work(transcript_id) as unit:
                unit.emit(name, {"about": name})


@contextmanager
def serve_api(settings: Settings) -> Iterator[ServedApi]:
    """Serve until the block ends."""
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
        assert server.started, "the API did not start; its log has why"
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        with (
            httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as http,
            closing(State(settings.database_url)) as state,
        ):
            yield ServedApi(url, http, state, settings, stop)
    finally:
        stop()
    assert not thread.is_alive(), "the API did not stop"
