"""The transcript in paragraphs: words of one speaker until another one speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trackproof.events.meeting import MeetingResult, Speaker, TranscriptWord

COLOURS: Final = 8
PARAGRAPH_WORDS: Final = 60
"""A longer paragraph is divided, so that a browser lays out only what is on the screen."""
PAUSE_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What one speaker says without a break."""

    speaker: str
    colour: int
    """0 to 7; -1 for a speaker that the meeting does not have."""
    start: float
    words: tuple[TranscriptWord, ...]

    @property
    def clock(self) -> str:
        """The start as minutes and seconds."""
        return clock(self.start)


def paragraphs(
    words: Sequence[TranscriptWord], speakers: Sequence[Speaker]
) -> tuple[Paragraph, ...]:
    """Divide words, in their order, into paragraphs."""
    names = {one.index: one.name for one in speakers}
    result: list[Paragraph] = []
    current: list[TranscriptWord] = []

    def close() -> None:
        if current:
            index = current[0].speaker
            name = names.get(index, f"unknown speaker {index}")
            colour = index % COLOURS if index in names else -1
            result.append(Paragraph(name, colour, current[0].start, tuple(current)))
            current.clear()

    for word in words:
        if current and (
            word.speaker != current[0].speaker
            or len(current) >= PARAGRAPH_WORDS
            or word.start - current[-1].end > PAUSE_SECONDS
        ):
            close()
        current.append(word)
    close()
    return tuple(result)


def clock(seconds: float) -> str:
    """Return seconds as `1:02:03` or `2:03`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def waveform_path(result: MeetingResult, width: float = 1000.0, height: float = 80.0) -> str:
    """Return the peaks as the `d` of an SVG path, mirrored around the middle."""
    peaks = [min(max(one, 0.0), 1.0) for one in result.waveform]
    if not peaks:
        return ""
    middle, step = height / 2, width / len(peaks)
    loudest = max(peaks) or 1.0
    parts = []
    for number, peak in enumerate(peaks):
        half = max(peak / loudest * middle, 0.5)
        x = (number + 0.5) * step
        parts.append(f"M{x:.1f} {middle - half:.1f}V{middle + half:.1f}")
    return "".join(parts)
