"""Turn-taking: the onset of each word, scheduled so that the mix of all tracks never clips.

A track speaks only while it has one of at most four floors, so at most four words overlap. A free
floor goes to the track with the fewest words, so every track speaks. All times are milliseconds.
"""

import heapq
import random
from bisect import bisect_right
from dataclasses import dataclass

from fixtures_audio.bands import (
    BANDS,
    SLOT_MARGIN_MS,
    SLOT_MS,
    band_of,
    sharers_of,
    track_of,
)

WORD_MS = 80
FLOORS = 4
_MARGIN_MS = 100
_MIN_TURN_MS = WORD_MS + 20


@dataclass(frozen=True, slots=True)
class Span:
    """Start, end and gaps of a track, in meeting time."""

    start_ms: int
    end_ms: int
    gaps_ms: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Pace:
    """Ranges of the time between onsets and between turns, and the longest turn in words."""

    step_ms: tuple[int, int]
    pause_ms: tuple[int, int]
    turn_words: int


def schedule_words(rng: random.Random, spans: list[Span]) -> list[list[int]]:
    """Return the word onsets of each track, relative to the track's start, in order.

    Raises:
        ValueError: A track has no room for a word.
    """
    end_ms = max(span.end_ms for span in spans)
    floors = min(FLOORS, (len(spans) + 1) // 2)
    pace = _pace(floors, end_ms, len(spans))
    onsets: list[list[int]] = [[] for _ in spans]
    free_at = [0] * len(spans)
    queue = [(rng.randint(50, 150) + 60 * floor, floor) for floor in range(floors)]
    while queue:
        now, floor = heapq.heappop(queue)
        if now >= end_ms:
            continue
        ready = [
            (bool(onsets[index]), len(onsets[index]) + rng.randrange(pace.turn_words), index, until)
            for index in range(len(spans))
            if free_at[index] <= now
            and (until := _may_speak_until(index, spans, now)) - now >= _MIN_TURN_MS
        ]
        if not ready:
            heapq.heappush(queue, (now + rng.randint(20, 60), floor))
            continue
        *_, index, until = min(ready)
        for _ in range(rng.randint(max(1, pace.turn_words // 3), pace.turn_words)):
            if now + WORD_MS > until:
                break
            onsets[index].append(now - spans[index].start_ms)
            now += rng.randint(*pace.step_ms)
        free_at[index] = now
        heapq.heappush(queue, (now + rng.randint(*pace.pause_ms), floor))
    silent = [index for index, of_track in enumerate(onsets) if not of_track]
    if silent:
        raise ValueError(
            f"{end_ms / 1000} s are too short for a word on each of {len(spans)} tracks "
            f"(no words on {silent}). Hint: make the meeting longer."
        )
    return onsets


def _pace(floors: int, end_ms: int, tracks: int) -> _Pace:
    """Return a relaxed pace, or a fast one if time is short for the number of tracks."""
    words_each = floors * end_ms / 420 / tracks
    if words_each < 8:
        return _Pace((210, 260), (10, 60), 1 if words_each < 4 else 2)
    return _Pace((220, 600), (100, 800), max(2, min(12, int(words_each / 3))))


def _may_speak_until(index: int, spans: list[Span], now: int) -> int:
    """Return the time until which a track may speak; `now` or less if it may not."""
    span = spans[index]
    until = span.end_ms - _MARGIN_MS
    if now < span.start_ms + _MARGIN_MS:
        return now
    after = bisect_right(span.gaps_ms, now, key=lambda gap: gap[0])
    if after and now < span.gaps_ms[after - 1][1] + _MARGIN_MS:
        return now
    if after < len(span.gaps_ms):
        until = min(until, span.gaps_ms[after][0] - _MARGIN_MS)
    if len(spans) > BANDS and sharers_of(band_of(index), len(spans)) > 1:
        if track_of(band_of(index), now / 1000, len(spans)) != index:
            return now
        if now % SLOT_MS < SLOT_MARGIN_MS:
            return now
        until = min(until, now - now % SLOT_MS + SLOT_MS - SLOT_MARGIN_MS)
    return until
