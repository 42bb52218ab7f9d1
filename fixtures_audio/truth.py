"""What is true of a meeting, as JSON: for fleets and tools that are not in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fixtures_audio.bands import band_of
from fixtures_audio.meeting import Meeting


def truth_of(meeting: Meeting, files: Sequence[Path]) -> dict[str, Any]:
    """Return tracks and words of a meeting as plain data; all times are seconds.

    Words stand in meeting time, ordered by (start, track_index); `gaps` and `duration` of a track
    count from its first audible sample.
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
