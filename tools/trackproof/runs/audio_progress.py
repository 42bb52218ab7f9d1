"""Progress and cancellation of writing a meeting's audio, which takes minutes for long meetings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Final, Self

from fixtures_audio import RATE_HZ, Meeting, Track, render
from fixtures_audio.tones import Samples
from fixtures_audio.webm import Sound
from trackproof.events.runs import AudioProgress

FIRST_SECONDS: Final = 0.3
EVERY_SECONDS: Final = 1.0


class AudioWriting:
    """Reports the progress every second until `stop`, from a thread of its own.

    As a context manager, it cancels the writing at the end of the block: a thread that still
    writes ends with CancelledError within a block of samples.
    """

    def __init__(
        self, tracks: int, seconds: float, report: Callable[[AudioProgress], None]
    ) -> None:
        """Configure a meeting of `tracks` tracks; `seconds` is its length."""
        self._tracks = tracks
        self._total = tracks * seconds
        self._written = 0.0
        self._report = report
        self._cancelled = threading.Event()
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="audio progress", daemon=True)

    def expect(self, meeting: Meeting) -> None:
        """Take the tracks and their lengths from the generated meeting."""
        self._tracks = len(meeting.tracks)
        self._total = sum(track.duration for track in meeting.tracks)

    def counted(self, sound: Sound = render) -> Sound:
        """Return `sound` with its samples counted; it raises CancelledError after a cancel."""

        def render_counted(track: Track) -> Iterator[Samples]:
            for block in sound(track):
                if self._cancelled.is_set():
                    raise CancelledError
                yield block
                self._written += block.size / RATE_HZ

        return render_counted

    def stop(self) -> None:
        """End the reports; the last one has been delivered when this returns."""
        self._stopped.set()
        if threading.current_thread() is not self._ticker:
            self._ticker.join()

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cancelled.set()
        self.stop()

    def _tick(self) -> None:
        if self._stopped.wait(FIRST_SECONDS):
            return  # a short meeting: nothing to report
        while True:
            self._report(AudioProgress(self._tracks, self._written, self._total))
            if self._stopped.wait(EVERY_SECONDS):
                break
        self._report(AudioProgress(self._tracks, self._written, self._total, ended=True))
