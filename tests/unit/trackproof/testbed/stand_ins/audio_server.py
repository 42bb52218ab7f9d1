"""A small HTTP server for audio files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier

from tests.unit.background import in_background


@dataclass
class AudioServer:
    """A running server and its options."""

    url: str
    files: Mapping[str, bytes]
    together: Barrier | None = None
    """Barrier that concurrent downloads pass together."""
    cut_short: bool = False
    """Whether Content-Length is ten bytes too large."""
    paths: list[str] = field(default_factory=list)


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[AudioServer]:
    """Serve files by path without its slash; other paths answer 404, `forbidden` 403."""
    audio = AudioServer("", files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("?")[0].removeprefix("/")
            audio.paths.append(self.path)
            if audio.together is not None:
                audio.together.wait()
            content = audio.files.get(name)
            if content is None:
                self.send_error(403 if name == "forbidden" else 404)
                return
            self.send_response(200)
            extra = 10 if audio.cut_short else 0
            self.send_header("Content-Length", str(len(content) + extra))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        audio.url = f"http://127.0.0.1:{server.server_port}"
        yield audio
