"""Meetings with a name: each has one thing that a pipeline can get wrong.

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
    """A named kind of meeting."""

    what: str
    """What is special about it, in a line."""
    tracks: int
    """How many there are if nobody says."""
    make: Callable[[int, int], Meeting]
    """From a number of tracks and a seed."""


def make_named_meeting(name: str, *, tracks: int | None = None, seed: int = 0) -> Meeting:
    """Return the meeting of that name.

    Args:
        name: a key of `NAMED_MEETINGS`.
        tracks: 1 to 64; as many as is usual for it when left out.
        seed: decides who says what.

    Raises:
        ValueError: There is no such meeting, or it cannot have so many tracks.
    """
    if name not in NAMED_MEETINGS:
        raise ValueError(f"no meeting is called {name!r}; there are {', '.join(NAMED_MEETINGS)}")
    shown = NAMED_MEETINGS[name]
    return shown.make(shown.tracks if tracks is None else tracks, seed)


def _usual(seconds: float) -> Callable[[int, int], Meeting]:
    return lambda tracks, seed: make_meeting(tracks=tracks, seconds=seconds, seed=seed)


def _offsets(seconds: float, offset_of: Callable[[int], float]) -> Callable[[int, int], Meeting]:
    """Offsets by track index; they begin anew before they would leave no time to speak."""

    def make(tracks: int, seed: int) -> Meeting:
        offsets = [offset_of(index) for index in range(tracks)]
        return make_meeting(tracks=tracks, seconds=seconds, seed=seed, offsets=offsets)

    return make


def _changed(seconds: float, change: Callable[[Track], Track]) -> Callable[[int, int], Meeting]:
    def make(tracks: int, seed: int) -> Meeting:
        meeting = make_meeting(tracks=tracks, seconds=seconds, seed=seed)
        return replace(meeting, tracks=tuple(change(track) for track in meeting.tracks))

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
        "alone": NamedMeeting("one person, there from the start", 1, _usual(30)),
        "pair": NamedMeeting("two people, both there from the start", 2, _offsets(30, lambda _: 0)),
        "late-joiners": NamedMeeting(
            "each comes later than the one before", 5, _offsets(60, lambda n: n % 16 * 2.345)
        ),
        "odd-offsets": NamedMeeting(
            "offsets of 1 ms, 7 ms, 999 ms, 1.001 s: where floats and frames go wrong",
            5,
            _offsets(30, lambda n: (0, 0.001, 0.007, 0.999, 1.001)[n % 5]),
        ),
        "seventeen-minutes": NamedMeeting(
            "all but one come after 17 minutes",
            2,
            _offsets(1080, lambda n: 1020.0 if n else 0),
        ),
        "nobody-at-the-start": NamedMeeting(
            "the meeting begins with five seconds of nobody", 3, _offsets(30, lambda n: 5 + n % 5)
        ),
        "muted": NamedMeeting("long gaps without packets in every third track", 6, _usual(180)),
        "silent-guest": NamedMeeting("the last track has packets and no words", 3, _last_is_silent),
        "loud": NamedMeeting("sums far above full scale", 8, _changed(30, _with_level(LOUD))),
        "quiet": NamedMeeting(
            "everybody far from the microphone", 3, _changed(30, _with_level(QUIET))
        ),
        "uneven": NamedMeeting("loud, quiet and usual tracks", 6, _changed(30, _uneven)),
        "short": NamedMeeting("two seconds in all", 2, _offsets(2, lambda _: 0)),
        "full-room": NamedMeeting("30 tracks, a band of its own for each", 30, _usual(30)),
        "everybody": NamedMeeting("64 tracks that share bands in turns", 64, _usual(60)),
        "hour": NamedMeeting("an hour of three people", 3, _usual(3600)),
        "three-hours": NamedMeeting("three hours of one person", 1, _usual(10_800)),
    }
)
"""By name; one more, `spoken`, has a voice and is made by `spoken.py`."""
