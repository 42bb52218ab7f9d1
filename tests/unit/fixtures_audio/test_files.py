from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures_audio import (
    BANDS,
    RATE_HZ,
    Meeting,
    detect_words,
    detect_words_in_file,
    make_meeting,
    read_audio,
    write_meeting,
    write_track,
)
from tests.unit.fixtures_audio.word_assertions import (
    compare,
    detected_on,
    mix,
    words_of,
    write_audio,
)

pytestmark = pytest.mark.slow

Recorded = tuple[Meeting, list[Path]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A meeting with a track in every band."""
    meeting = make_meeting(tracks=BANDS, seconds=13, seed=1)
    return meeting, write_meeting(meeting, tmp_path_factory.mktemp("meeting"))


@pytest.fixture(scope="module")
def mixed(recorded: Recorded) -> NDArray[np.float32]:
    return mix(*recorded)


def test_every_word_of_a_track_is_detected_in_its_file(recorded: Recorded) -> None:
    errors: list[float] = []
    some_tracks, some_paths = recorded[0].tracks[::7], recorded[1][::7]
    for track, path in zip(some_tracks, some_paths, strict=True):
        result = compare(words_of(track), detect_words_in_file(path))
        assert not result.missed
        assert not result.unexpected
        errors += result.errors
    assert np.quantile(np.abs(errors), 0.99) <= 0.001


def test_start_time_is_the_offset_and_the_length_is_kept(recorded: Recorded) -> None:
    for track, path in zip(recorded[0].tracks[::4], recorded[1][::4], strict=True):
        with av.open(str(path)) as container:
            assert container.streams.audio[0].start_time == round(track.offset * 1000)
        audio = read_audio(path)
        assert audio.start_time == track.offset
        assert audio.samples.size == round(track.duration * RATE_HZ)


def test_gaps_have_no_packets_and_keep_their_exact_length(recorded: Recorded) -> None:
    assert any(track.gaps for track in recorded[0].tracks)
    for track, path in zip(recorded[0].tracks, recorded[1], strict=True):
        with av.open(str(path)) as container:
            times = [packet.pts for packet in container.demux() if packet.pts is not None]
        gaps = [
            (one + 20 - times[0], following - times[0])
            for one, following in pairwise(times)
            if following - one != 20
        ]
        assert gaps == [tuple(round(edge * 1000) for edge in gap) for gap in track.gaps]


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_every_word_is_detected_in_an_mp3_of_the_mix(
    recorded: Recorded, mixed: NDArray[np.float32], layout: str, tmp_path: Path
) -> None:
    meeting, _ = recorded
    assert np.abs(mixed).max() < 1

    detected = detect_words_in_file(write_audio(mixed, tmp_path / "mix.mp3", layout=layout))

    results = [
        compare(words_of(track), detected_on(track, detected, len(meeting.tracks)))
        for track in meeting.tracks
    ]
    assert not [word for result in results for word in result.missed]
    assert len(detected) == len(meeting.truth())
    assert np.quantile(np.abs([e for result in results for e in result.errors]), 0.99) <= 0.005


def test_levels_in_a_mix_are_equal_within_ten_percent(mixed: NDArray[np.float32]) -> None:
    levels = [word.level for word in detect_words(mixed)]
    assert max(levels) / min(levels) < 1.1
    assert min(levels) == pytest.approx(0.2, rel=0.1)


@pytest.mark.nightly
def test_the_words_of_64_tracks_are_detected_in_an_mp3_of_the_mix(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=64, seconds=10)
    paths = write_meeting(meeting, tmp_path)
    detected = detect_words_in_file(write_audio(mix(meeting, paths), tmp_path / "mix.mp3"))
    for track in meeting.tracks:
        result = compare(words_of(track), detected_on(track, detected, 64))
        assert not result.missed
        assert not result.unexpected
    assert len(detected) == len(meeting.truth())


def test_the_same_track_gives_the_same_bytes(tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=5).tracks[1]
    for name in ("one.webm", "other.webm"):
        write_track(track, tmp_path / name)
    assert (tmp_path / "one.webm").read_bytes() == (tmp_path / "other.webm").read_bytes()


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp3", "libmp3lame", 48_000),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.wav", "pcm_s16le", 48_000),
        ("a.wav", "pcm_s16le", 16_000),
        ("a.webm", "libopus", 48_000),
        ("a.ogg", "libopus", 48_000),
    ],
)
def test_sample_0_is_the_first_audible_sample_in_any_format(
    name: str, codec: str, rate: int, tmp_path: Path
) -> None:
    seconds = np.arange(2 * rate) / rate
    beep = 0.5 * np.sin(2 * np.pi * 500 * seconds) * np.exp(-(((seconds - 1) / 0.02) ** 2))
    audio = read_audio(
        write_audio(beep.astype(np.float32), tmp_path / name, codec=codec, rate=rate)
    )
    energy = audio.samples.astype(np.float64) ** 2
    centre = float(np.sum(energy * np.arange(energy.size)) / energy.sum()) / RATE_HZ
    assert audio.start_time == 0
    assert centre == pytest.approx(1, abs=0.0005)
    assert audio.duration == pytest.approx(2, abs=0.001)
    assert audio.samples.dtype == np.float32


def test_a_binary_file_reads_like_its_path(tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=5).tracks[1]
    path = tmp_path / "track.webm"
    write_track(track, path)
    with path.open("rb") as file:
        assert np.array_equal(read_audio(file).samples, read_audio(str(path)).samples)


def test_times_can_count_from_the_first_audible_sample(tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=5, offsets=[0, 1.5]).tracks[1]
    path = tmp_path / "track.webm"
    write_track(track, path)
    shifts = {
        round(in_file.start - in_track.start, 6)
        for in_file, in_track in zip(
            detect_words_in_file(path),
            detect_words_in_file(path, add_start_time=False),
            strict=True,
        )
    }
    assert shifts == {1.5}


def test_a_file_without_audio_raises_an_error(tmp_path: Path) -> None:
    path = tmp_path / "picture.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=Fraction(1))
        stream.width = stream.height = 16
        picture = av.VideoFrame(16, 16, "yuv420p")
        for packet in [*stream.encode(picture), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(ValueError, match="has no audio stream"):
        read_audio(path)
