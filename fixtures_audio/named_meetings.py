"""Named meetings, each with one property that pipelines get wrong.

The same name, number of tracks and seed always give the same meeting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fixtures_audio.meeting import Meeting, Track, make_meeting

LOUD = 0.9
QUIET = 0.02


@dataclass(frozen=True, slots=True)
class NamedMeeting:
    """A named meeting, made for any number of tracks and any seed."""

    description: str
    """The property it has, in one line."""
    tracks: int
    """Default number of tracks."""
    make: Callable[[int, int], Meeting]
    """Takes the number of tracks and a seed."""


def make_named_meeting(name: str, *, tracks: int | None = None, seed: int = 0) -> Meeting:
    """Generate a named meeting.

    Args:
        name: a key of `NAMED_MEETINGS`.
        tracks: 1 to 64; the meeting's default if None.
        seed: determines words and participants.

    Raises:
        ValueError: The name is unknown or the number of tracks is out of range.
    """
    if name not in NAMED_MEETINGS:
        raise ValueError(f"no meeting is named {name!r}; known: {', '.join(NAMED_MEETINGS)}")
    named = NAMED_MEETINGS[name]
    return named.make(named.tracks if tracks is None else tracks, seed)


def _default(seconds: float) -> Callable[[int, int], Meeting]:
    return lambda tracks, seed: make_meeting(tracks=tracks, seconds=seconds, seed=seed)


def _offsets(seconds: float, offset_of: Callable[[int], float]) -> Callable[[int, int], Meeting]:

    def make(tracks: int, seed: int) -> Meeting:
        offsets = [offset_of(index) for index in range(tracks)]
        return make_meeting(tracks=tracks, seconds=seconds, seed=seed, offsets=offsets)

    return make


def _modified(seconds: float, modify: Callable[[Track], Track]) -> Callable[[int, int], Meeting]:
    def make(tracks: int, seed: int) -> Meeting:
        meeting = make_meeting(tracks=tracks, seconds=seconds, seed=seed)
        return replace(meeting, tracks=tuple(modify(track) for track in meeting.tracks))

    return make


def _with_level(level: float) -> Callable[[Track], Track]:
    return lambda track: replace(track, level=level)


def _uneven(track: Track) -> Track:
    return replace(track, level=(LOUD, QUIET, track.level)[track.index % 3])


def _last_is_silent(tracks: int, seed: int) -> Meeting:
    meeting = make_meeting(tracks=tracks, seconds=30, seed=seed)
    silent = replace(meeting.tracks[-1], words=())
    return replace(meeting, tracks=(*meeting.tracks[:-1], silent))


NAMED_MEETINGS: Mapping[str, NamedMeeting] = MappingProxyType(
    {
        "alone": NamedMeeting("one participant, present from the start", 1, _default(30)),
        "pair": NamedMeeting("two participants from the start", 2, _offsets(30, lambda _: 0)),
        "late-joiners": NamedMeeting(
            "each participant joins later than the one before",
            5,
            _offsets(60, lambda n: n % 16 * 2.345),
        ),
        "odd-offsets": NamedMeeting(
            "offsets of 1 ms, 7 ms, 999 ms, 1.001 s, prone to rounding errors",
            5,
            _offsets(30, lambda n: (0, 0.001, 0.007, 0.999, 1.001)[n % 5]),
        ),
        "seventeen-minutes": NamedMeeting(
            "all but one participant join after 17 minutes",
            2,
            _offsets(1080, lambda n: 1020.0 if n else 0),
        ),
        "nobody-at-the-start": NamedMeeting(
            "no participant in the first five seconds", 3, _offsets(30, lambda n: 5 + n % 5)
        ),
        "muted": NamedMeeting("long gaps without packets in every third track", 6, _default(180)),
        "silent-guest": NamedMeeting("the last track has packets and no words", 3, _last_is_silent),
        "loud": NamedMeeting(
            "the sum of all tracks exceeds full scale", 8, _modified(30, _with_level(LOUD))
        ),
        "quiet": NamedMeeting(
            "all participants are far from the microphone", 3, _modified(30, _with_level(QUIET))
        ),
        "uneven": NamedMeeting("loud, quiet and normal tracks", 6, _modified(30, _uneven)),
        "short": NamedMeeting("two seconds long", 2, _offsets(2, lambda _: 0)),
        "full-room": NamedMeeting("30 tracks, one band each", 30, _default(30)),
        "everybody": NamedMeeting("64 tracks that share bands", 64, _default(60)),
        "hour": NamedMeeting("an hour with three participants", 3, _default(3600)),
        "three-hours": NamedMeeting("three hours with one participant", 1, _default(10_800)),
    }
)
"""By name. `fixtures_audio.speech` makes one more kind, with synthesised voices."""
