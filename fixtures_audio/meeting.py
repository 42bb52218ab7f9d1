"""Meetings with a known truth: who says which word when.

Everything follows from the seed. Times inside a track are seconds from its first audible sample;
`Meeting.truth` speaks in meeting time. All times are whole milliseconds, as WebM can state them.
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
LEVEL = 0.2
"""Peak amplitude of every track: four at once sum to 0.8 and cannot clip."""

_PACKET_MS = 20
_LOCALES = ("en_GB", "ja_JP", "el_GR", "de_DE", "ru_RU", "hi_IN", "zh_CN", "fr_FR", "he_IL")


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in the meeting; guests have no user id."""

    id: str
    name: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Word:
    """A word as its track carries it; seconds from the track's first sample."""

    id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Track:
    """One participant's audio.

    Attributes:
        index: place in the meeting, from 0.
        offset: seconds from meeting start to the track's first audible sample.
        duration: seconds, gaps included.
        words: in order of time.
        gaps: (start, end) seconds without any packet, whole multiples of 20 ms.
        level: peak amplitude of its words.
        participant: who speaks.
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
    """A word as the meeting hears it; seconds from meeting start."""

    track_index: int
    word_id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting and, by its tracks, the truth about it."""

    seed: int
    tracks: tuple[Track, ...]

    @property
    def duration(self) -> float:
        """Seconds from meeting start to the end of the track that ends last."""
        return max(round(track.offset + track.duration, 3) for track in self.tracks)

    def truth(self) -> tuple[SpokenWord, ...]:
        """Every word in meeting time, by (start, track)."""
        spoken = [
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
        return tuple(sorted(spoken, key=lambda word: (word.start, word.track_index)))


def make_meeting(
    *,
    tracks: int,
    seconds: float = 30.0,
    seed: int = 0,
    offsets: Sequence[float] | None = None,
) -> Meeting:
    """A meeting of 1 to 64 tracks that ends after so many seconds, the same for the same seed.

    Args:
        tracks: how many participants were recorded.
        seconds: meeting start to the end of the last track; 8 is room enough for any number.
        seed: decides everything else.
        offsets: seconds, whole milliseconds, one a track; left out, track 0 starts the meeting
            and the others join late.
    """
    if not 1 <= tracks <= MAX_TRACKS:
        raise ValueError(f"a meeting has 1 to {MAX_TRACKS} tracks, not {tracks}")
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    spans = _spans(rng, tracks, round(seconds * 1000), offsets)
    spoken = _words(rng, schedule_words(rng, spans))
    return Meeting(
        seed=seed,
        tracks=tuple(
            Track(
                index=index,
                offset=span.start_ms / 1000,
                duration=(span.end_ms - span.start_ms) / 1000,
                words=spoken[index],
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
    """When each track is there; track 0 stays to the end."""
    if offsets is not None and len(offsets) != tracks:
        raise ValueError(f"{tracks} tracks need {tracks} offsets, not {len(offsets)}")
    spans = []
    for index in range(tracks):
        # A track must keep at least two of its slots, or it might never get a word in.
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
    """One gap of two to six seconds in every two minutes or part of them."""
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


def _words(rng: random.Random, spoken: list[list[int]]) -> list[tuple[Word, ...]]:
    """Give each moment of speech a word: mostly plain ones, now and then a tracer."""
    plain = [id_ for id_ in range(len(VOCABULARY)) if id_ not in TRACERS]
    tracers = rng.sample(sorted(TRACERS), len(TRACERS))
    total = sum(map(len, spoken))
    every = max(1, min(25, total // 3))
    places = sorted((start, index) for index, starts in enumerate(spoken) for start in starts)
    words: list[list[Word]] = [[] for _ in spoken]
    for nth, (start, index) in enumerate(places):
        if nth % every == every // 2:
            id_ = tracers[nth // every % len(tracers)]
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
