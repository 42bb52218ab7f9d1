"""Word error rates of a whole transcript, as speech recognition measures them.

Three rates, each in errors per spoken word: over all words in time order; by speaker, where a word
attributed to the wrong speaker counts as one deletion and one insertion; and by speaker and time,
where a word outside the collar also counts as one deletion and one insertion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jiwer

from fixtures_audio import Meeting


@dataclass(frozen=True, slots=True)
class SpeakerWord:
    """One word of one speaker."""

    speaker: int
    text: str
    start: float
    """Seconds from the meeting's start."""


@dataclass(frozen=True, slots=True)
class ErrorRateLimits:
    """Maximum error rates that a scenario allows."""

    words: float = 0.10
    speakers: float = 0.10
    times: float = 0.15
    collar_seconds: float = 0.5
    """Maximum distance of a word from its true start."""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """Errors per spoken word; 0 is perfect, values above 1 are possible."""

    words: float
    speakers: float
    times: float

    def within(self, limits: ErrorRateLimits) -> bool:
        """Return whether no rate exceeds its limit."""
        return (
            self.words <= limits.words
            and self.speakers <= limits.speakers
            and self.times <= limits.times
        )

    def describe(self, limits: ErrorRateLimits) -> str:
        """Return every rate with its limit, in one line."""
        return (
            f"word error rate {self.words:.2%} of {limits.words:.0%}, "
            f"by speaker {self.speakers:.2%} of {limits.speakers:.0%}, "
            f"in time {self.times:.2%} of {limits.times:.0%}"
        )


@dataclass(frozen=True, slots=True)
class _Errors:
    """Differences between two sequences of words."""

    edits: int
    displaced: int
    """Matching words outside the collar."""


def truth_words(meeting: Meeting) -> list[SpeakerWord]:
    """Return the spoken words of a meeting."""
    return [SpeakerWord(word.track_index, word.text, word.start) for word in meeting.truth()]


def transcript_words(words: Iterable[Mapping[str, object]]) -> list[SpeakerWord]:
    """Convert the words of a transcript.

    Raises:
        LookupError, TypeError, ValueError: An item is not a word.
    """
    return [
        SpeakerWord(int(str(word["speaker"])), str(word["word"]), float(str(word["start"])))
        for word in words
    ]


def measure(
    truth: Sequence[SpeakerWord], transcript: Sequence[SpeakerWord], collar_seconds: float
) -> ErrorRates:
    """Compare a transcript with the truth.

    Args:
        truth: The spoken words.
        transcript: The transcribed words.
        collar_seconds: Maximum distance of a word from its true start.
    """
    overall = _errors(truth, transcript, collar_seconds)
    spoken, transcribed = _by_speaker(truth), _by_speaker(transcript)
    by_speaker = [
        _errors(spoken.get(speaker, []), transcribed.get(speaker, []), collar_seconds)
        for speaker in spoken.keys() | transcribed.keys()
    ]
    edits = sum(errors.edits for errors in by_speaker)
    displaced = sum(errors.displaced for errors in by_speaker)
    count = max(1, len(truth))
    return ErrorRates(overall.edits / count, edits / count, (edits + 2 * displaced) / count)


def _errors(
    truth: Sequence[SpeakerWord], transcript: Sequence[SpeakerWord], collar_seconds: float
) -> _Errors:
    spoken, transcribed = _in_order(truth), _in_order(transcript)
    if not spoken or not transcribed:
        return _Errors(len(spoken) + len(transcribed), 0)
    alignment = jiwer.process_words(
        [" ".join(map(_token, spoken))], [" ".join(map(_token, transcribed))]
    )
    displaced = sum(
        abs(spoken[chunk.ref_start_idx + i].start - transcribed[chunk.hyp_start_idx + i].start)
        > collar_seconds
        for chunk in alignment.alignments[0]
        if chunk.type == "equal"
        for i in range(chunk.ref_end_idx - chunk.ref_start_idx)
    )
    edits = alignment.substitutions + alignment.deletions + alignment.insertions
    return _Errors(edits, displaced)


def _token(word: SpeakerWord) -> str:
    """Return the word without blanks, at which jiwer would split it."""
    return "_".join(word.text.casefold().split()) or "_"


def _in_order(words: Sequence[SpeakerWord]) -> list[SpeakerWord]:
    return sorted(words, key=lambda word: (word.start, word.speaker))


def _by_speaker(words: Iterable[SpeakerWord]) -> Mapping[int, list[SpeakerWord]]:
    by_speaker: dict[int, list[SpeakerWord]] = defaultdict(list)
    for word in words:
        by_speaker[word.speaker].append(word)
    return by_speaker
