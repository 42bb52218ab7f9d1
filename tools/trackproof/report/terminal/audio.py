"""Progress of writing a meeting's audio: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from trackproof.events.runs import AudioProgress

PLAIN_EVERY_SECONDS: Final = 10.0


def audio_line(event: AudioProgress) -> Text:
    """Return the progress as one line."""
    tracks = "1 track" if event.tracks == 1 else f"{event.tracks} tracks"
    return Text(
        f"writing the audio of {tracks}: {event.percent} %, "
        f"{event.written:.0f} of {event.total:.0f} s"
    )


class PlainAudioProgress:
    """Writes the first report, one every ten seconds, and the last."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._next = 0.0

    def write(self, event: AudioProgress) -> None:
        """Write an event's line if one is due."""
        now = time.monotonic()
        if event.ended or now >= self._next:
            self._next = now + PLAIN_EVERY_SECONDS
            self._console.print(audio_line(event), soft_wrap=True)

    def close(self) -> None:
        """Do nothing: there is no live display."""


class LiveAudioProgress:
    """Updates one line in place."""

    def __init__(self, console: Console) -> None:
        """Write to `console`, which must be a terminal."""
        self._live = Live(console=console, refresh_per_second=4)

    def write(self, event: AudioProgress) -> None:
        """Show an event."""
        self._live.start()  # a second call does nothing
        self._live.update(audio_line(event))

    def close(self) -> None:
        """Stop the live display and leave its last state on the screen."""
        self._live.stop()


def audio_progress(console: Console) -> LiveAudioProgress | PlainAudioProgress:
    """Return the live writer for a terminal, the line writer otherwise."""
    return LiveAudioProgress(console) if console.is_terminal else PlainAudioProgress(console)
