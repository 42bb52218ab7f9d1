"""The audio of a prepared meeting, encoded once for equal meetings."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from fixtures_audio import Meeting, make_meeting, write_meeting


@cache
def spoken_meeting(
    folder: Path,
    tracks: int,
    offsets: tuple[float, ...] | None,
    seconds: float,
    seed: int,
    words_seed: int,
    silent: tuple[int, ...],
) -> tuple[Meeting, tuple[Path, ...]]:
    """Return a meeting, whose tracks `silent` have no words, and its audio in `folder`."""
    spoken = make_meeting(
        tracks=tracks, seconds=seconds, seed=seed, offsets=offsets, words_seed=words_seed
    )
    heard = (
        replace(track, words=() if track.index in silent else track.words)
        for track in spoken.tracks
    )
    spoken = replace(spoken, tracks=tuple(heard))
    return spoken, tuple(write_meeting(spoken, Path(mkdtemp(prefix="audio-", dir=folder))))
