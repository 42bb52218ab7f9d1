"""The stream of events from a verification or a run to the writers of its reports."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from trackproof.errors import TrackproofError
from trackproof.events.stream import Event, Writer


class Stream:
    """Hands events to the writers; a writer that fails does not stop the others."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        """Write nothing yet."""
        self._writers = list(writers)
        self._errors: list[str] = []
        self._emitting = Lock()  # progress comes from other threads

    def add(self, writer: Writer) -> None:
        """Hand all further events to this writer too."""
        with self._emitting:
            self._writers.append(writer)

    def emit(self, event: Event) -> None:
        """Hand an event to every writer."""
        with self._emitting:
            for writer in tuple(self._writers):
                try:
                    writer.write(event)
                except OSError as error:
                    self._writers.remove(writer)
                    self._errors.append(f"{type(writer).__name__}: {error}")

    def check_written(self) -> None:
        """Check that no writer has failed.

        Raises:
            TrackproofError: A report could not be written.
        """
        if self._errors:
            raise TrackproofError(
                "a report could not be written",
                evidence="\n".join(self._errors),
                hint="see whether the disk is full and the folder is writable",
            )
