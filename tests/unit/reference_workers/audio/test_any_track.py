"""Property test of padding and mixing: every received word of a random track is sample-exact.

`nox -s nightly` runs many more examples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures_audio import Track, Word, make_meeting, read_audio
from reference_workers.audio import RATE
from reference_workers.audio.mixer import write_mixdown
from reference_workers.audio.padding import offset_seconds, write_padded
from tests.unit.reference_workers.audio.exactness import assert_exact, by_pyav
from tests.unit.reference_workers.audio.recordings import PACKET_MS, write_opus
from tests.unit.reference_workers.signals import samples_of, write_sound

EXAMPLES = int(os.environ.get("TRACKPROOF_AUDIO_EXAMPLES", "4"))

UNCERTAIN_PACKETS = 5
"""Packets after a lost one that may be distorted until the decoder has recovered."""


@dataclass(frozen=True)
class Recording:
    """Parameters of a written track."""

    seed: int
    seconds: int
    channels: int
    offset_ms: int
    lost: frozenset[int]
    """Numbers of lost packets."""
    jitter_ms: tuple[int, ...]
    """Repeating deviations of packet times, below the threshold of a gap."""
    live: bool
    other: tuple[str, str, int] | None
    """Codec, extension and rate; None is WebM/Opus."""


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    seconds = draw(st.integers(2, 4))
    packets = seconds * 1000 // PACKET_MS
    holes = draw(st.lists(st.tuples(st.integers(1, packets - 2), st.integers(1, 40)), max_size=3))
    other = st.tuples(
        st.sampled_from(
            [("pcm_s16le", "wav"), ("aac", "mp4"), ("vorbis", "webm"), ("libmp3lame", "mp3")]
        ),
        st.sampled_from([44_100, 48_000]),
    ).map(lambda drawn: (*drawn[0], drawn[1]))
    chosen = draw(st.none() | st.none() | other)
    is_vorbis = chosen is not None and chosen[0] == "vorbis"
    return Recording(
        seed=draw(st.integers(0, 50)),
        seconds=seconds,
        channels=2 if is_vorbis else draw(st.integers(1, 2)),  # libav: stereo only
        offset_ms=draw(st.sampled_from([0, 1, 7, 999, 1001, 2345]) | st.integers(0, 5000)),
        lost=frozenset(
            nth for first, count in holes for nth in range(first, min(first + count, packets - 1))
        ),
        # After a gap only its time gives a packet's position, so jitter would move it.
        jitter_ms=(0,) if holes else tuple(draw(st.lists(st.integers(-2, 2), min_size=1))),
        live=draw(st.booleans()),
        other=chosen,
    )


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="TRACKPROOF_AUDIO_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(recordings())
def test_words_of_any_track_are_sample_exact_in_padded_track_and_mixdown(
    recording: Recording,
) -> None:
    with TemporaryDirectory() as folder:
        track, source = write(recording, Path(folder))
        offset = offset_seconds(str(source))
        assert offset == Fraction(0 if recording.other else recording.offset_ms, 1000)
        padded, mixdown = Path(folder) / "padded.webm", Path(folder) / "audio.mp3"

        write_padded(str(source), padded, offset)
        duration = write_mixdown([str(padded)], mixdown)
        from_source = write_mixdown([str(source)], Path(folder) / "direct.mp3")

        expected = float(offset) + track.duration
        assert abs(read_audio(padded).duration - expected) < LENGTH_S
        assert abs(duration - expected) < LENGTH_S
        assert duration == from_source
        if track.words:
            for made in (padded, mixdown, Path(folder) / "direct.mp3"):
                assert_exact(track, by_pyav(made), offset=offset)


LENGTH_S = 0.03
"""AAC ends in whole frames of 21 ms; all other codecs are exact."""


def write(recording: Recording, folder: Path) -> tuple[Track, Path]:
    """Write the track; return it with the words that are certainly received, and the path."""
    track = make_meeting(tracks=1, seconds=recording.seconds, seed=recording.seed).tracks[0]
    sound = samples_of(track)
    if recording.other:
        codec, extension, rate = recording.other
        path = folder / f"source.{extension}"
        return track, write_sound(sound, path, codec=codec, rate=rate, channels=recording.channels)
    jitter = recording.jitter_ms
    path = write_opus(
        [sound] * recording.channels,
        folder / "source.webm",
        offset_ms=recording.offset_ms,
        lost=recording.lost.__contains__,
        # The first packet's time defines the offset.
        shift_ms=lambda nth: jitter[nth % len(jitter)] if nth else 0,
        live=recording.live,
    )
    words = tuple(word for word in track.words if is_whole(word, recording.lost))
    return replace(track, words=words), path


def is_whole(word: Word, lost: frozenset[int]) -> bool:
    """Return whether all packets of a word were received."""
    first = int(word.start * 1000 / PACKET_MS) - UNCERTAIN_PACKETS
    last = int((word.end + 2 * 312 / RATE) * 1000 / PACKET_MS) + 1
    return lost.isdisjoint(range(first, last + 1))
