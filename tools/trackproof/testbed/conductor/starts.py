"""The starts of workflows that pass a gateway, and faults of single ones."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

_START = re.compile(r"/workflow(/execute/[^/]+/\d+|/(?!test$|start$)[^/]+)?/?")
_ID: Final = re.compile(r"[\w.:-]{1,200}")

ERROR = (
    "HTTP/1.1 500 Internal Server Error",
    (("content-type", "application/json"),),
    b'{"status":500,"message":"injected fault: the start fails","retryable":false}',
)
PAGE = (
    "HTTP/1.1 200 OK",
    (("content-type", "text/html"),),
    b"<!doctype html><html><body>The service is not available.</body></html>",
)


StartFailure: TypeAlias = Literal["error", "page", "hang", "lost"]
"""`error`: status 500; `page`: an HTML page with status 200; `hang`: no answer until `release`;
`lost`: the workflow is started and the connection is reset."""


@dataclass(frozen=True, slots=True)
class WorkflowStart:
    """A request to start a workflow, with what became of it."""

    body: str
    """The request's body; contains the workflow's input."""
    workflow_id: str
    """Empty if no workflow was started."""


@dataclass(slots=True)
class StartFault:
    """What happens to the requests that start a workflow about something."""

    about: str
    """Text in the request's body, such as the id of a recording."""
    failure: StartFailure
    met: int = 0
    """Number of requests that it applied to."""
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Reset the connections of requests that hang; let later requests pass."""
        self.released.set()


class Starts:
    """The record of one gateway's workflow starts. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._starts: list[WorkflowStart] = []
        self._faults: list[StartFault] = []

    def about(self, text: str) -> list[WorkflowStart]:
        """Return the requests whose body contains a text, oldest first."""
        with self._lock:
            return [start for start in self._starts if text in start.body]

    def add_fault(self, fault: StartFault) -> None:
        """Activate a fault until its `release`."""
        with self._lock:
            self._faults.append(fault)

    def fault_of(self, body: bytes) -> StartFault | None:
        """Return the active fault that applies to a request."""
        text = body.decode(errors="replace")
        with self._lock:
            for fault in self._faults:
                if fault.about in text and not fault.released.is_set():
                    fault.met += 1
                    return fault
        return None

    def release(self) -> None:
        """Release all faults."""
        with self._lock:
            for fault in self._faults:
                fault.release()

    def record(self, body: bytes, status: int, answer: bytes) -> None:
        """Record a request and the server's answer."""
        text = answer.decode(errors="replace").strip().strip('"')
        started = status == HTTPStatus.OK and _ID.fullmatch(text)
        start = WorkflowStart(body.decode(errors="replace"), text if started else "")
        with self._lock:
            self._starts.append(start)


def is_start(method: str, path: str) -> bool:
    """Return whether a request starts a workflow."""
    return method == "POST" and _START.fullmatch(path) is not None
