"""A local HTTP server with canned responses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, str, str]

HEALTHY: Answer = (200, "application/json", '{"healthResults": [], "healthy": true}')
NO_TASKS: Answer = (200, "application/json", "[]")
UI_PAGE: Answer = (200, "text/html", "<!doctype html><title>Conductor UI</title>")
NOT_THERE: Answer = (404, "application/json", '{"error": "Not Found"}')
CRASH: Answer = (500, "application/json", '{"message": "database is gone"}')
CONDUCTOR = {"/health": HEALTHY, "/api/metadata/taskdefs": NO_TASKS}


@contextmanager
def served(answers: Mapping[str, Answer], otherwise: Answer = NOT_THERE) -> Iterator[str]:
    """Serve the responses by path and yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = answers.get(self.path, otherwise)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_port() -> Iterator[str]:
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> str:
    """Return the URL of a port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
