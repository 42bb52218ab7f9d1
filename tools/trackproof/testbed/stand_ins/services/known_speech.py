"""Recogniser of synthesised speech whose words are known: it hears who speaks, and when.

The audio of a track is told from that of the others by the times at which it sounds. Words have the
times at which they are heard, so a track that was padded wrongly has wrong words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from fixtures_audio import RATE_HZ, Track, read_audio
from trackproof.testbed.stand_ins.services.modal import TranscribedWord, UndecodableAudioError

FRAME_MS: Final = 20
LOUD: Final = 0.02
"""Level from which a frame counts as speech; of a voice's peak."""
LONGEST_SHIFT_SECONDS: Final = 5.0
ENOUGH: Final = 0.5
"""Least correlation with a track's words; less is no speech of this meeting."""

Activity = NDArray[np.float64]


class KnownSpeech:
    """Transcribes the padded tracks of one meeting."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        """Know the tracks of a meeting."""
        self._tracks = tracks

    def transcribe(self, path: Path) -> list[TranscribedWord]:
        """Return the words of the track that a file sounds like, at the times they are heard.

        Raises:
            UndecodableAudioError: The file is no media, or has no audio stream.
        """
        try:
            heard = _activity(read_audio(path).samples)
        except (av.error.FFmpegError, ValueError) as error:
            raise UndecodableAudioError(str(error)) from error
        if not heard.any():
            return []
        found = [(*_best_shift(heard, track), track) for track in self._tracks if track.words]
        if not found:
            return []
        likeness, shift, track = max(found, key=lambda one: one[0])
        if likeness < ENOUGH:
            return []
        seconds = track.offset + shift * FRAME_MS / 1000
        return [
            TranscribedWord(word.text, round(word.start + seconds, 3), round(word.end + seconds, 3))
            for word in track.words
        ]


def _best_shift(heard: Activity, track: Track) -> tuple[float, int]:
    """Return how well a track fits, and by how many frames it is late."""
    spoken = np.zeros(heard.size)
    for word in track.words:
        begin, end = (round((track.offset + at) * 1000 / FRAME_MS) for at in (word.start, word.end))
        spoken[begin:end] = 1.0
    if not spoken.any():
        return 0.0, 0
    most = round(LONGEST_SHIFT_SECONDS * 1000 / FRAME_MS)
    scale = float(np.sqrt((heard**2).sum() * (spoken**2).sum()))
    likeness = [
        (float((_shifted(spoken, shift) * heard).sum()) / scale, -abs(shift), shift)
        for shift in range(-most, most + 1)
    ]
    best = max(likeness)
    return best[0], best[2]


def _shifted(values: Activity, by: int) -> Activity:
    result = np.zeros_like(values)
    if by >= 0:
        result[by:] = values[: values.size - by]
    else:
        result[:by] = values[-by:]
    return result


def _activity(samples: NDArray[np.float32]) -> Activity:
    """Return 1 for each frame that sounds, else 0."""
    size = RATE_HZ * FRAME_MS // 1000
    frames = samples[: samples.size // size * size].reshape(-1, size)
    levels = np.abs(frames).max(axis=1, initial=0.0)
    peak = float(levels.max(initial=0.0))
    return np.where(levels > max(LOUD * peak, 1e-4), 1.0, 0.0)
