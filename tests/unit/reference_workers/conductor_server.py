"""A local HTTP server with scripted answers of Conductor's REST API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.background import in_background

Answer = tuple[int, Any]
"""Status and JSON body; status 0 closes the connection without an answer."""


@dataclass
class ConductorServer:
    """Recorded requests, and their answers: `(method, path) -> answer`."""

    answer: Callable[[str, str], Answer]
    url: str = ""
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    targets: list[tuple[str, str]] = field(default_factory=list)
    """Method and path with query of each request."""
    _changed: Condition = field(default_factory=Condition)

    def record(self, method: str, path: str, body: Any) -> None:
        with self._changed:
            self.requests.append((method, path, body))
            self._changed.notify_all()

    def bodies(self, method: str, path: str) -> list[Any]:
        """Return the bodies of matching requests."""
        with self._changed:
            return [body for m, p, body in self.requests if (m, p) == (method, path)]

    def queries(self, method: str, path: str) -> list[dict[str, list[str]]]:
        """Return the queries of matching requests."""
        with self._changed:
            urls = [urlsplit(target) for verb, target in self.targets if verb == method]
            return [parse_qs(url.query) for url in urls if url.path == path]

    def wait_for(self, method: str, path: str, *, count: int = 1) -> None:
        """Wait for `count` matching requests."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: [(m, p) for m, p, _ in self.requests].count((method, path)) >= count, 10
            )
        assert arrived, f"{count} × {method} {path} did not arrive, only {self.requests}"


@contextmanager
def conductor_server(answer: Callable[[str, str], Answer]) -> Iterator[ConductorServer]:
    """Serve the answers on a free port of loopback."""
    conductor = ConductorServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            conductor.targets.append((self.command, self.path))
            conductor.record(self.command, path, json.loads(body) if body else None)
            status, content = conductor.answer(self.command, path)
            if status == 0:
                self.close_connection = True
                return
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            kind = "text/plain" if isinstance(content, str) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        conductor.url = f"http://127.0.0.1:{server.server_port}/api"
        yield conductor
