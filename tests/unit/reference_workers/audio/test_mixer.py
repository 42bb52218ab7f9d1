from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph
from numpy.typing import NDArray

from fixtures_audio import Meeting, detect_words_in_file, make_meeting, read_audio, write_meeting
from reference_workers.audio import RATE
from reference_workers.audio.decoder import BLOCK_SAMPLES
from reference_workers.audio.limiter import limit
from reference_workers.audio.mixer import mix_blocks, to_int16_stereo, write_mixdown
from reference_workers.audio.padding import write_padded
from tests.unit.reference_workers.audio.exactness import (
    DECODERS,
    Decoder,
    assert_exact,
    by_pyav,
)
from tests.unit.reference_workers.signals import (
    in_track,
    samples_of,
    silence,
    write_sound,
)

pytestmark = pytest.mark.slow

GAIN_OF_LAME = 0.95
Mixes = Callable[[int], tuple[Meeting, Path, float]]


def mix_meeting(meeting: Meeting, folder: Path) -> tuple[Path, float]:
    """Mix a meeting; return the mixdown and the returned duration."""
    paths = write_meeting(meeting, folder / "tracks")
    target = folder / "audio.mp3"
    return target, write_mixdown([str(path) for path in paths], target)


@pytest.fixture(scope="module")
def mix_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Mixes:
    """Mix a meeting of `tracks` tracks, once for the module."""

    @cache
    def made(tracks: int) -> tuple[Meeting, Path, float]:
        meeting = make_meeting(tracks=tracks, seconds=8, seed=tracks)
        return meeting, *mix_meeting(meeting, tmp_path_factory.mktemp("mixed"))

    return made


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("tracks", [1, 5])
def test_every_word_is_sample_exact(mix_of: Mixes, tracks: int, decode: Decoder) -> None:
    meeting, target, duration = mix_of(tracks)

    samples = decode(target)

    for track in meeting.tracks:
        assert_exact(track, samples)
    assert duration == pytest.approx(meeting.duration, abs=1 / RATE)
    assert samples.size == round(duration * RATE)


def test_the_mix_equals_the_seeds_graph(tmp_path: Path) -> None:
    """N abuffer → amix normalize=0 → aformat s16 stereo, to the last bit."""
    meeting = make_meeting(tracks=3, seconds=6, seed=5)
    sounds = []
    for path in write_meeting(meeting, tmp_path):
        track = read_audio(path)
        sounds.append(np.pad(track.samples, (round(track.start_time * RATE), 0)))

    tracks = [iter(blocks_of(np.atleast_2d(sound))) for sound in sounds]
    ours = [to_int16_stereo(block) for block in limit(mix_blocks(tracks, 1))]

    assert np.array_equal(np.concatenate(ours), mixed_by_amix(sounds))


def blocks_of(sound: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [sound[:, at : at + BLOCK_SAMPLES] for at in range(0, sound.shape[1], BLOCK_SAMPLES)]


def mixed_by_amix(sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.int16]:
    graph = Graph()
    mix = graph.add("amix", f"inputs={len(sounds)}:normalize=0")
    shape = "sample_fmt=fltp:channel_layout=stereo"
    sources = [
        graph.add("abuffer", f"time_base=1/{RATE}:sample_rate={RATE}:{shape}") for _ in sounds
    ]
    to_16_bits = graph.add("aformat", "sample_fmts=s16:channel_layouts=stereo")
    sink = graph.add("abuffersink")
    for index, source in enumerate(sources):
        source.link_to(mix, 0, index)
    mix.link_to(to_16_bits)
    to_16_bits.link_to(sink)
    graph.configure()
    for source, sound in zip(sources, sounds, strict=True):
        whole = av.AudioFrame.from_ndarray(np.stack([sound] * 2), format="fltp", layout="stereo")
        whole.sample_rate = RATE
        whole.pts = 0
        source.push(whole)
        source.push(None)
    rows = []
    with suppress(av.error.EOFError):
        while True:
            frame = sink.pull()
            assert isinstance(frame, av.AudioFrame)
            rows.append(frame.to_ndarray().reshape(-1, 2))
    return np.concatenate(rows)


@pytest.mark.parametrize("tracks", [1, 4])
def test_levels_do_not_depend_on_other_tracks(tmp_path: Path, tracks: int) -> None:
    meeting = make_meeting(tracks=tracks, seconds=5)

    target, _ = mix_meeting(meeting, tmp_path)

    levels = [word.level / meeting.tracks[0].level for word in detect_words_in_file(target)]
    assert np.median(levels) == pytest.approx(GAIN_OF_LAME, abs=0.04)
    assert max(levels) / min(levels) < 1.15


def test_a_gap_keeps_its_length(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=2, seconds=20, offsets=[0, 0])
    track = meeting.tracks[1]
    assert track.gaps

    target, _ = mix_meeting(meeting, tmp_path)

    assert_exact(track, by_pyav(target))


def test_padded_and_unpadded_tracks_are_aligned(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=3, seconds=8, offsets=[0, 1.001, 3.217])
    recorded = write_meeting(meeting, tmp_path)
    padded = tmp_path / "padded.webm"
    write_padded(str(recorded[1]), padded, Fraction(1001, 1000))

    sources = [str(path) for path in (recorded[0], padded, recorded[2])]
    duration = write_mixdown(sources, tmp_path / "audio.mp3")

    samples = by_pyav(tmp_path / "audio.mp3")
    for track in meeting.tracks:
        assert_exact(track, samples)
    assert duration == pytest.approx(meeting.duration, abs=1 / RATE)


def test_the_duration_is_that_of_the_longest_track(tmp_path: Path) -> None:
    lengths = [1.0, 4.0, 2.5]
    sources = [
        str(write_sound(silence(length), tmp_path / f"{n}.webm"))
        for n, length in enumerate(lengths)
    ]

    duration = write_mixdown(sources, tmp_path / "audio.mp3")

    assert duration == pytest.approx(4.0, abs=1 / RATE)


@pytest.mark.parametrize(
    ("codec", "name", "rate", "channels"),
    [
        ("libopus", "a.webm", 48_000, 2),
        ("vorbis", "a.webm", 44_100, 2),
        ("aac", "a.mp4", 44_100, 2),
        ("pcm_s16le", "a.wav", 44_100, 1),
        ("pcm_s16le", "a.wav", 44_100, 2),
        ("pcm_s16le", "a.wav", 16_000, 1),
    ],
)
def test_tracks_of_other_formats_are_mixed(
    tmp_path: Path, codec: str, name: str, rate: int, channels: int
) -> None:
    usual, other = make_meeting(tracks=2, seconds=5, offsets=[0, 0], seed=3).tracks
    sources = [
        write_sound(samples_of(usual), tmp_path / "usual.webm"),
        write_sound(samples_of(other), tmp_path / name, codec=codec, rate=rate, channels=channels),
    ]

    write_mixdown([str(source) for source in sources], tmp_path / "audio.mp3")

    samples = by_pyav(tmp_path / "audio.mp3")
    detected = detect_words_in_file(tmp_path / "audio.mp3")
    for track in (usual, other):
        assert_exact(track, samples)
        levels = [word.level / track.level for word in in_track(track, detected)]
        assert np.median(levels) == pytest.approx(GAIN_OF_LAME, abs=0.05)


def test_loud_tracks_are_limited_and_sample_exact(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=1, seconds=5, seed=2)
    # All say the same words at the same times.
    loud = [replace(meeting.tracks[0], index=index, level=0.9) for index in range(6)]
    sources = [
        write_sound(samples_of(track), tmp_path / f"{track.index}.wav", codec="pcm_s16le")
        for track in loud
    ]

    write_mixdown([str(source) for source in sources], tmp_path / "audio.mp3")

    samples = by_pyav(tmp_path / "audio.mp3")
    for track in loud:
        assert_exact(track, samples)
    # Clipping would be detected as words in unused bands.
    assert {word.band for word in detect_words_in_file(tmp_path / "audio.mp3")} == set(range(6))
