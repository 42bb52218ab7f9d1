"""Meetings with voices synthesised by espeak-ng, for speech recognisers.

Words do not overlap within a track and end when the voice ends. The audio has no tones, so
`detect_words` finds nothing in it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO

import av
import numpy as np

from fixtures_audio.meeting import Meeting, Track, Word, make_meeting
from fixtures_audio.tones import RATE_HZ, Samples

_PAUSE_S = 0.06
_LANGUAGE = "en"


def is_installed() -> bool:
    """Return whether espeak-ng is on the PATH."""
    return shutil.which("espeak-ng") is not None


def make_spoken_meeting(*, tracks: int = 3, seconds: float = 60.0, seed: int = 0) -> Meeting:
    """Generate a meeting whose words last as long as their synthesised audio.

    Raises:
        RuntimeError: espeak-ng is not installed.
    """
    return as_spoken(make_meeting(tracks=tracks, seconds=seconds, seed=seed))


def as_spoken(meeting: Meeting) -> Meeting:
    """Return a meeting with those words that fit when they are spoken.

    Raises:
        RuntimeError: espeak-ng is not installed.
    """
    return replace(meeting, tracks=tuple(_with_room(track) for track in meeting.tracks))


def render_speech(track: Track) -> Iterator[Samples]:
    """Yield a track's synthesised speech at 48 kHz, in blocks of one second."""
    total = round(track.duration * RATE_HZ)
    words = iter(track.words)
    following = next(words, None)
    tail = np.zeros(0, dtype=np.float32)
    for start in range(0, total, RATE_HZ):
        sounding = np.zeros(max(RATE_HZ, tail.size), dtype=np.float32)
        sounding[: tail.size] = tail
        while following and (at := round(following.start * RATE_HZ) - start) < RATE_HZ:
            voice = track.level * _voice(following.text, _pitch(track))
            end = at + voice.size
            sounding = np.pad(sounding, (0, max(0, end - sounding.size)))
            sounding[at:end] += voice
            following = next(words, None)
        tail = sounding[RATE_HZ:]
        yield sounding[: min(RATE_HZ, total - start)]


def _with_room(track: Track) -> Track:
    """Drop words that would overlap the word before or a gap."""
    fitting: list[Word] = []
    free_from = 0.0
    for word in track.words:
        seconds = _voice(word.text, _pitch(track)).size / RATE_HZ
        end = round(word.start + seconds, 3)
        in_a_gap = any(word.start < gap_end and end > gap for gap, gap_end in track.gaps)
        if word.start >= free_from and end <= track.duration and not in_a_gap:
            fitting.append(replace(word, end=end))
            free_from = end + _PAUSE_S
    return replace(track, words=tuple(fitting))


def _pitch(track: Track) -> int:
    """Return a pitch (0 to 99) that differs between neighbouring tracks."""
    return 20 + track.index * 23 % 70


@cache
def _voice(text: str, pitch: int) -> Samples:
    """Synthesise a word at peak amplitude 1 and trim the silence around it."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise RuntimeError("espeak-ng is not installed. Hint: apt-get install espeak-ng")
    command = [program, "-v", _LANGUAGE, "-p", str(pitch), "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - our words
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(BytesIO(wav), "r") as container:
        frames = [
            out
            for frame in [*container.decode(container.streams.audio[0]), None]
            for out in resampler.resample(frame)
        ]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    sounding = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    voice = samples[sounding[0] : sounding[-1] + 1]
    return np.asarray(voice / np.abs(voice).max(), dtype=np.float32)
