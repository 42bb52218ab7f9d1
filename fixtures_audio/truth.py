"""The ground truth of a meeting as JSON data, for fleets and tools in any language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fixtures_audio.bands import band_of
from fixtures_audio.meeting import Meeting


def truth_of(meeting: Meeting, files: Sequence[Path]) -> dict[str, Any]:
    """Return the tracks and words of a meeting as JSON data; all times are seconds.

    Words are in meeting time, ordered by (start, track_index). A track's `gaps` count from its
    first audible sample.
    """
    return {
        "seed": meeting.seed,
        "duration": meeting.duration,
        "tracks": [
            {
                "track_index": track.index,
                "file": file.name,
                "offset": track.offset,
                "duration": track.duration,
                "gaps": [list(gap) for gap in track.gaps],
                "level": track.level,
                "band": band_of(track.index),
                "participant": asdict(track.participant),
            }
            for track, file in zip(meeting.tracks, files, strict=True)
        ],
        "words": [asdict(word) for word in meeting.truth()],
    }
