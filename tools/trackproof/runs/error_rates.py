"""How good a transcript is as a whole, in the rates that speech recognition is measured by.

Three rates, each errors for a spoken word: over all words in the order of time; speaker by speaker,
so that a word of another speaker's is one lost and one too many; and that again with a word told
at another time counted as one lost and one too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jiwer

from fixtures_audio import Meeting


@dataclass(frozen=True, slots=True)
class Said:
    """One word of one speaker."""

    speaker: int
    text: str
    start: float
    """Seconds from the meeting's start."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scenario lets a transcript be wrong by: errors for a spoken word, at most."""

    words: float = 0.10
    speakers: float = 0.10
    times: float = 0.15
    collar_seconds: float = 0.5
    """How far a word may be from its time to be at it."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Errors for a spoken word; 0 is perfect, more than 1 is possible."""

    words: float
    speakers: float
    times: float

    def within(self, limits: Limits) -> bool:
        """Tell whether no rate is above its limit."""
        return (
            self.words <= limits.words
            and self.speakers <= limits.speakers
            and self.times <= limits.times
        )

    def describe(self, limits: Limits) -> str:
        """Return every rate beside its limit."""
        return (
            f"word error rate {self.words:.2%} of {limits.words:.0%}, "
            f"by speaker {self.speakers:.2%} of {limits.speakers:.0%}, "
            f"in time {self.times:.2%} of {limits.times:.0%}"
        )


@dataclass(frozen=True, slots=True)
class _Errors:
    """What differs between two sequences of words."""

    edits: int
    displaced: int
    """The same word, and not at its time."""


def spoken(meeting: Meeting) -> list[Said]:
    """Return what is said in a meeting."""
    return [Said(word.track_index, word.text, word.start) for word in meeting.truth()]


def transcribed(words: Iterable[Mapping[str, object]]) -> list[Said]:
    """Return what a transcript's words say.

    Raises:
        LookupError, TypeError, ValueError: They are not words.
    """
    return [
        Said(int(str(word["speaker"])), str(word["word"]), float(str(word["start"])))
        for word in words
    ]


def measure(truth: Sequence[Said], found: Sequence[Said], collar_seconds: float) -> Quality:
    """Hold a transcript against the truth.

    Args:
        truth: What was said.
        found: What was transcribed.
        collar_seconds: How far a word may be from its time to be at it.
    """
    together = _errors(truth, found, collar_seconds)
    theirs, ours = _by_speaker(truth), _by_speaker(found)
    apart = [
        _errors(theirs.get(speaker, []), ours.get(speaker, []), collar_seconds)
        for speaker in theirs.keys() | ours.keys()
    ]
    edits = sum(one.edits for one in apart)
    displaced = sum(one.displaced for one in apart)
    count = max(1, len(truth))
    return Quality(together.edits / count, edits / count, (edits + 2 * displaced) / count)


def _errors(truth: Sequence[Said], found: Sequence[Said], collar_seconds: float) -> _Errors:
    theirs, ours = _in_order(truth), _in_order(found)
    if not theirs or not ours:
        return _Errors(len(theirs) + len(ours), 0)
    # A word each, whatever it is made of: jiwer would part it at its blanks.
    aligned = jiwer.process_words(
        [" ".join(_token(word) for word in theirs)], [" ".join(_token(word) for word in ours)]
    )
    displaced = sum(
        abs(theirs[part.ref_start_idx + place].start - ours[part.hyp_start_idx + place].start)
        > collar_seconds
        for part in aligned.alignments[0]
        if part.type == "equal"
        for place in range(part.ref_end_idx - part.ref_start_idx)
    )
    edits = aligned.substitutions + aligned.deletions + aligned.insertions
    return _Errors(edits, displaced)


def _token(word: Said) -> str:
    return "_".join(word.text.casefold().split()) or "_"


def _in_order(words: Sequence[Said]) -> list[Said]:
    return sorted(words, key=lambda word: (word.start, word.speaker))


def _by_speaker(words: Iterable[Said]) -> Mapping[int, list[Said]]:
    found: dict[int, list[Said]] = defaultdict(list)
    for word in words:
        found[word.speaker].append(word)
    return found
