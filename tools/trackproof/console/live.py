"""One run as the page shows it while it goes on: parts of the page, pushed as they change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from trackproof.console.templates import fragment
from trackproof.events.runs import (
    AttemptsSeen,
    AudioProgress,
    Check,
    RunEnded,
    RunStarted,
)
from trackproof.events.stream import Event, Note
from trackproof.events.timeline import Timeline
from trackproof.report.meeting.chart import chart_of
from trackproof.report.meeting.dag import dag_of

LOG_LINES: Final = 400
"""Of the log beside the run; the whole log is kept with it."""
PAUSE_SECONDS: Final = 0.1
"""Between two pictures of a run, of which large ones take some milliseconds to draw."""

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Listener:
    """A page that is open."""

    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[Message]

    def send(self, message: Message) -> None:
        """Hand a message over, from any thread."""
        try:
            self.loop.call_soon_threadsafe(self.queue.put_nowait, message)
        except RuntimeError:
            return  # the page's connection has just been closed


class LiveRun:
    """A writer of events that shows them to every open page. Thread-safe."""

    def __init__(self, run_id: str) -> None:
        """Show a run that waits in the queue."""
        self.run_id = run_id
        self.state = "queued"
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._parts: dict[str, str] = {}
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._checks: list[Check] = []
        self._timeline: Timeline | None = None
        self._drawn_at = 0.0
        self._set("state", fragment("state", state=self.state, detail="it waits for its turn"))
        self._set("workflow", fragment("workflow", dag=dag_of(None)))

    def write(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Note():
                self.log([event.text])
            case AudioProgress():
                self.show_state("running", f"audio is written: {event.percent} %")
            case RunStarted():
                self._checks.clear()  # of the run before its retry
                self.show_state("running", f"workflow {event.workflow_id}")
            case AttemptsSeen():
                self._timeline = event.timeline
                self._draw()
            case Check():
                self._checks.append(event)
                self._set("checks", fragment("checks", checks=self._checks))
            case RunEnded():
                self._timeline = event.timeline or self._timeline
                self._drawn_at = 0.0
                self._draw()
                self.show_state("ended", event.headline)
            case _:
                pass

    def tick(self) -> None:
        """Draw what came too soon after the picture before."""
        if self._drawn_at < 0:
            self._draw()

    def show_state(self, state: str, detail: str) -> None:
        """Show whether it waits, runs or has ended."""
        self.state = state
        self._set("state", fragment("state", state=state, detail=detail))

    def log(self, lines: list[str]) -> None:
        """Add lines to the log."""
        with self._lock:
            self._log.extend(lines)
        self._set("log", fragment("log", lines=list(self._log)))

    def listen(self) -> Listener:
        """Return a listener that gets the page as it is now, and every change."""
        listener = Listener(asyncio.get_running_loop(), asyncio.Queue())
        with self._lock:
            for part, html in self._parts.items():
                listener.queue.put_nowait({"part": part, "html": html})
            self._listeners.add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Send nothing more to a listener."""
        with self._lock:
            self._listeners.discard(listener)

    def parts(self) -> dict[str, str]:
        """Return the parts of the page as they are now."""
        with self._lock:
            return dict(self._parts)

    def _draw(self) -> None:
        now = time.monotonic()
        if 0 <= now - abs(self._drawn_at) < PAUSE_SECONDS:
            self._drawn_at = -abs(self._drawn_at)
            return
        self._drawn_at = now
        if self._timeline is not None:
            self._set("workflow", fragment("workflow", dag=dag_of(self._timeline)))
            self._set("timeline", fragment("timeline", chart=chart_of(self._timeline)))

    def _set(self, part: str, html: str) -> None:
        with self._lock:
            self._parts[part] = html
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.send({"part": part, "html": html})


Report = Callable[[str], None]
Values = dict[str, Any]
