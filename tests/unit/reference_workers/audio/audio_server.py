"""An HTTP server of one file with faults: cut, stalled or refused responses, no ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

from tests.unit.background import in_background


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; by default the whole file."""

    status: int | None = None
    """Error status; None serves the file."""
    part: float = 1.0
    """Fraction of the requested bytes to send before the connection is cut."""
    stalls: bool = False
    """Stay connected without sending instead of cutting."""
    drops: bool = False
    """Close the connection without an answer."""


GOOD = Answer()


FAULTS: dict[str, Sequence[Answer]] = {
    "cut once": [Answer(part=0.5)],
    "cut in the header": [Answer(part=0.01)],
    "cut four times": [Answer(part=0.3)] * 4,
    "cut, then 503 once": [Answer(part=0.4), Answer(status=503)],
    "503 at first": [Answer(status=503)],
    "429 at first": [Answer(status=429)],
    "stalled": [Answer(part=0.5, stalls=True)],
    "stalled before the first byte": [Answer(part=0, stalls=True)],
}
"""First responses of a server, after which no audio may be lost."""


@dataclass(slots=True)
class ServedFile:
    """A served file."""

    url: str
    ranges: list[str | None] = field(default_factory=list)
    """Range header of each request."""


@contextmanager
def serving(
    content: bytes, answers: Sequence[Answer] = (), *, then: Answer = GOOD, ranges: bool = True
) -> Iterator[ServedFile]:
    """Serve `content` at a presigned URL: the first requests by `answers`, others by `then`."""
    done = Event()
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested = self.headers.get("Range")
            source.ranges.append(requested)
            answer = left.pop(0) if left else then
            if answer.drops:
                self.close_connection = True
                return
            if answer.status is not None:
                self.send_error(answer.status)
                return
            start = 0
            if ranges and requested and (numbers := re.fullmatch(r"bytes=(\d+)-", requested)):
                start = int(numbers[1])
            if start and start >= len(content):
                self.send_error(416)
                return
            rest = content[start:]
            self.send_response(206 if ranges and requested else 200)
            self.send_header("Content-Length", str(len(rest)))
            if ranges:
                self.send_header("Accept-Ranges", "bytes")
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.end_headers()
            try:
                self.wfile.write(rest[: round(len(rest) * answer.part)])
                self.wfile.flush()
            except ConnectionError:
                return
            if answer.stalls:
                done.wait()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        source = ServedFile(
            f"http://127.0.0.1:{server.server_port}/recordings/a%20track.webm"
            "?X-Amz-Signature=secret"
        )
        try:
            yield source
        finally:
            done.set()
