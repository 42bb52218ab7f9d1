"""Synthetic meetings: tracks, words and participants, generated from a seed.

Times in a track are seconds from its first audible sample; `Meeting.truth` returns meeting time.
All times are whole milliseconds, the resolution of WebM.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from faker import Faker

from fixtures_audio.bands import band_of, sharers_of
from fixtures_audio.schedule import WORD_MS, Span, schedule_words
from fixtures_audio.vocabulary import TRACERS, VOCABULARY, text_of

MAX_TRACKS = 64
MAX_SECONDS = 14_400.0
"""Four hours: the words of a longer meeting take minutes to schedule."""
LEVEL = 0.2
"""Default peak amplitude: four simultaneous words sum to 0.8 and cannot clip."""

_PACKET_MS = 20
_LOCALES = ("en_GB", "ja_JP", "el_GR", "de_DE", "ru_RU", "hi_IN", "zh_CN", "fr_FR", "he_IL")


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant; guests have no user id."""

    id: str
    name: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a track; seconds from the track's first sample."""

    id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Track:
    """One participant's audio.

    Attributes:
        index: track_index, from 0.
        offset: seconds from meeting start to the track's first audible sample.
        duration: seconds, including gaps.
        words: ordered by time.
        gaps: (start, end) in seconds of spans without packets, multiples of 20 ms.
        level: peak amplitude of its words.
        participant: the speaker.
    """

    index: int
    offset: float
    duration: float
    words: tuple[Word, ...]
    gaps: tuple[tuple[float, float], ...]
    level: float
    participant: Participant


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of the whole meeting; seconds from meeting start."""

    track_index: int
    word_id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting with its ground truth."""

    seed: int
    tracks: tuple[Track, ...]

    @property
    def duration(self) -> float:
        """Seconds from meeting start to the end of the last track."""
        return max(round(track.offset + track.duration, 3) for track in self.tracks)

    def truth(self) -> tuple[SpokenWord, ...]:
        """Return every word in meeting time, ordered by (start, track_index)."""
        words = [
            SpokenWord(
                track.index,
                word.id,
                word.text,
                round(track.offset + word.start, 3),
                round(track.offset + word.end, 3),
            )
            for track in self.tracks
            for word in track.words
        ]
        return tuple(sorted(words, key=lambda word: (word.start, word.track_index)))


def make_meeting(
    *,
    tracks: int,
    seconds: float = 30.0,
    seed: int = 0,
    offsets: Sequence[float] | None = None,
    words_seed: int | None = None,
) -> Meeting:
    """Generate a meeting; the same arguments always give the same meeting.

    Args:
        tracks: number of tracks, 1 to 64.
        seconds: length of the meeting, at most 14,400; 8 suffices for any number of tracks.
        seed: determines everything else.
        words_seed: determines the words, but not their times, in place of `seed`.
        offsets: seconds, in whole milliseconds, one per track. By default track 0 starts with the
            meeting and the others join late.

    Raises:
        ValueError: The number of tracks, the length or an offset is out of range, or the meeting is
            too short.
    """
    if not 1 <= tracks <= MAX_TRACKS:
        raise ValueError(f"a meeting has 1 to {MAX_TRACKS} tracks, not {tracks}")
    if seconds > MAX_SECONDS:
        raise ValueError(f"a meeting lasts at most {MAX_SECONDS:g} s (4 hours), not {seconds:g} s")
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    spans = _spans(rng, tracks, round(seconds * 1000), offsets)
    onsets = schedule_words(rng, spans)
    words = _words(rng if words_seed is None else random.Random(words_seed), onsets)  # noqa: S311
    return Meeting(
        seed=seed,
        tracks=tuple(
            Track(
                index=index,
                offset=span.start_ms / 1000,
                duration=(span.end_ms - span.start_ms) / 1000,
                words=words[index],
                gaps=tuple(
                    ((start - span.start_ms) / 1000, (end - span.start_ms) / 1000)
                    for start, end in span.gaps_ms
                ),
                level=LEVEL,
                participant=participant,
            )
            for index, (span, participant) in enumerate(
                zip(spans, _participants(rng, tracks), strict=True)
            )
        ),
    )


def _spans(
    rng: random.Random, tracks: int, total_ms: int, offsets: Sequence[float] | None
) -> list[Span]:
    """Return the time span of each track; track 0 lasts to the end."""
    if offsets is not None and len(offsets) != tracks:
        raise ValueError(f"{tracks} tracks need {tracks} offsets, not {len(offsets)}")
    spans = []
    for index in range(tracks):
        # A track needs two of its slots, or there may be no room for a word.
        needed_ms = 2000 * sharers_of(band_of(index), tracks)
        slack_ms = max(0, total_ms - needed_ms)
        start_ms = rng.randint(min(1, slack_ms), max(1, slack_ms * 3 // 10)) if slack_ms else 0
        if index == 0:
            start_ms = 0
        if offsets is not None:
            start_ms = _whole_ms(offsets[index])
            slack_ms = max(0, total_ms - start_ms - needed_ms)
        leaves_early = index > 0 and rng.random() < 0.6
        end_ms = total_ms - (rng.randint(0, slack_ms * 3 // 10) if leaves_early else 0)
        if end_ms - start_ms < 1000:
            raise ValueError(
                f"track {index} would last {end_ms - start_ms} ms: a track needs a second at least"
            )
        has_gaps = index % 3 == 1 or rng.random() < 0.2
        roomy = end_ms - start_ms >= 5 * needed_ms
        gaps = _gaps(rng, start_ms, end_ms) if has_gaps and roomy else ()
        spans.append(Span(start_ms, end_ms, gaps))
    return spans


def _gaps(rng: random.Random, start_ms: int, end_ms: int) -> tuple[tuple[int, int], ...]:
    """Return one gap of two to six seconds per started two minutes."""
    duration_ms = end_ms - start_ms
    count = 1 + duration_ms // 120_000
    part_ms = duration_ms // count
    gaps = []
    for part in range(count):
        length_ms = rng.randint(2000, min(6000, part_ms // 3))
        at_ms = part * part_ms + rng.randint(part_ms // 5, part_ms * 4 // 5 - length_ms)
        on_grid = (at_ms // _PACKET_MS * _PACKET_MS, length_ms // _PACKET_MS * _PACKET_MS)
        gaps.append((start_ms + on_grid[0], start_ms + sum(on_grid)))
    return tuple(gaps)


def _words(rng: random.Random, onsets: list[list[int]]) -> list[tuple[Word, ...]]:
    """Choose a word for each onset: mostly plain words, at regular intervals a tracer."""
    plain = [id_ for id_ in range(len(VOCABULARY)) if id_ not in TRACERS]
    tracers = rng.sample(sorted(TRACERS), len(TRACERS))
    total = sum(map(len, onsets))
    interval = max(1, min(25, total // 3))
    ordered = sorted((start, index) for index, starts in enumerate(onsets) for start in starts)
    words: list[list[Word]] = [[] for _ in onsets]
    for nth, (start, index) in enumerate(ordered):
        if nth % interval == interval // 2:
            id_ = tracers[nth // interval % len(tracers)]
        else:
            id_ = rng.choice(plain)
        words[index].append(Word(id_, text_of(id_), start / 1000, (start + WORD_MS) / 1000))
    return [tuple(of_track) for of_track in words]


def _participants(rng: random.Random, count: int) -> list[Participant]:
    people: list[Participant] = []
    names: set[str] = set()
    for index in range(count):
        fake = _faker(_LOCALES[index % len(_LOCALES)])
        fake.seed_instance(rng.getrandbits(32))
        while (name := str(fake.name())) in names:
            pass
        names.add(name)
        guest = index > 0 and rng.random() < 0.3
        user_id = None if guest else f"user-{rng.getrandbits(32):08x}"
        people.append(
            Participant(str(uuid.UUID(int=rng.getrandbits(128), version=4)), name, user_id)
        )
    return people


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def _whole_ms(offset: float) -> int:
    ms = round(offset * 1000)
    if offset < 0 or abs(offset * 1000 - ms) > 1e-6:
        raise ValueError(f"offset {offset} s is not a whole number of milliseconds from 0")
    return ms
