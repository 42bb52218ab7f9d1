"""Threads that work beside a process until its block ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def background_thread(
    name: str, run: Callable[[], None], stopping: threading.Event
) -> Iterator[None]:
    """Run a function in a thread; at the end of the block set the event and wait for the thread."""
    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
