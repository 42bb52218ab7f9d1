from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures_audio import RATE_HZ, Track, make_meeting, read_audio, write_track
from reference_workers.audio import RATE
from reference_workers.audio.media_input import open_audio
from reference_workers.audio.padding import (
    delay_samples,
    offset_seconds,
    write_padded,
    write_reencoded,
)
from tests.unit.reference_workers.audio.exactness import (
    DECODERS,
    Decoder,
    assert_exact,
    by_pyav,
)
from tests.unit.reference_workers.audio.recordings import in_half_milliseconds, write_opus
from tests.unit.reference_workers.signals import samples_of, write_sound

pytestmark = pytest.mark.slow

OFFSETS = ["0.001", "0.0065", "2.345"]
LONG_OFFSET = "1020"
Padding = Callable[[str, Path, Fraction], None]


def copied(source: str, target: Path, offset: Fraction) -> None:
    write_padded(source, target, offset)
    assert b"trackproof" in target.read_bytes()[:200], "the track was re-encoded"


def encoded(source: str, target: Path, offset: Fraction) -> None:
    write_reencoded(source, target, delay_samples(offset))


PADDED = [
    *((offset, pad) for offset in OFFSETS for pad in (copied, encoded)),
    # 17 minutes take as long as all other tests.
    *(pytest.param(LONG_OFFSET, pad, marks=pytest.mark.nightly) for pad in (copied, encoded)),
]


def recorded(folder: Path, offset: Fraction, *, seconds: float = 4) -> tuple[Track, Path]:
    """Return a track with this offset and its file; half milliseconds need a finer clock."""
    whole = Fraction(int(offset * 1000), 1000)
    meeting = make_meeting(
        tracks=2, seconds=float(whole) + seconds, seed=3, offsets=[0, float(whole)]
    )
    track, path = meeting.tracks[1], folder / "source.webm"
    write_track(track, path)
    if offset != whole:
        path = in_half_milliseconds(path, offset_half_ms=int(offset * 2000))
    return replace(track, offset=float(offset)), path


@pytest.mark.parametrize(
    ("offset", "samples"),
    [("0", 0), ("0.001", 48), ("0.0065", 312), ("1.001", 48_048), ("36000.999", 1_728_047_952)],
)
def test_the_delay_is_computed_exactly(offset: str, samples: int) -> None:
    assert delay_samples(Fraction(offset)) == samples


@given(st.fractions(0, 10**5))
def test_the_delay_is_rounded_to_the_nearest_sample(offset: Fraction) -> None:
    assert abs(offset * RATE - delay_samples(offset)) <= Fraction(1, 2)


@pytest.mark.parametrize("offset", ["0", *OFFSETS, LONG_OFFSET])
def test_the_offset_of_a_file_is_read_exactly(tmp_path: Path, offset: str) -> None:
    _, path = recorded(tmp_path, Fraction(offset))

    assert offset_seconds(str(path)) == Fraction(offset)


@pytest.fixture(scope="module")
def padded(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Padding], tuple[Track, Path]]:
    """Pad a track, once for the module."""

    @cache
    def made(offset: str, pad: Padding) -> tuple[Track, Path]:
        folder = tmp_path_factory.mktemp("padded")
        track, source = recorded(folder, Fraction(offset))
        target = folder / "padded.webm"
        pad(str(source), target, offset_seconds(str(source)))
        return track, target

    return made


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(("offset", "pad"), [("0", copied), ("0", encoded), *PADDED])
def test_every_word_is_sample_exact(
    padded: Callable[[str, Padding], tuple[Track, Path]],
    offset: str,
    decode: Decoder,
    pad: Padding,
) -> None:
    track, target = padded(offset, pad)

    samples = decode(target)

    assert_exact(track, samples, offset=Fraction(offset))
    assert samples.size == round((Fraction(offset) + Fraction(track.duration)) * RATE_HZ)


@pytest.mark.parametrize(("offset", "pad"), PADDED)
def test_a_padded_track_has_start_time_0(
    padded: Callable[[str, Padding], tuple[Track, Path]], offset: str, pad: Padding
) -> None:
    _, target = padded(offset, pad)

    with open_audio(str(target)) as (_, stream):
        assert stream.start_time == 0


@pytest.mark.parametrize("decode", DECODERS)
def test_gaps_are_filled_with_silence(tmp_path: Path, decode: Decoder) -> None:
    track, source = recorded(tmp_path, Fraction("1.5"), seconds=20)
    assert track.gaps
    assert track.words[-1].start > track.gaps[-1][1]
    target = tmp_path / "padded.webm"

    write_padded(str(source), target, Fraction("1.5"))

    assert_exact(track, decode(target))


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("offset", ["0.0065", "2.345"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["celt", "hybrid", "silk"])
def test_copied_packets_decode_to_the_samples_of_the_source(
    tmp_path: Path, mode: str, channels: int, offset: str, decode: Decoder
) -> None:
    """Bit for bit after one second; for CELT and SILK from the start."""
    noise = np.random.default_rng(1).normal(0, 0.1, 2 * RATE).astype(np.float32)
    source = write_opus([noise, noise[::-1]][:channels], tmp_path / "source.webm", mode=mode)
    target = tmp_path / "padded.webm"

    copied(str(source), target, Fraction(offset))

    lead = delay_samples(Fraction(offset))
    before, after = decode(source), decode(target)
    assert after.size == before.size + lead
    assert np.abs(after[: max(0, lead - 312)]).max(initial=0) < 4 / 32768
    assert np.array_equal(after[lead + RATE :], before[RATE:])
    if mode != "hybrid":
        assert np.array_equal(after[lead:], before)


def test_copied_packets_are_identical_to_the_source(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    source = write_opus([noise], tmp_path / "source.webm", offset_ms=2345)
    target = tmp_path / "padded.webm"

    copied(str(source), target, Fraction("2.345"))

    theirs = [bytes(packet) for packet in av.open(str(source)).demux() if packet.size]
    ours = [bytes(packet) for packet in av.open(str(target)).demux() if packet.size]
    assert ours[-len(theirs) :] == theirs


@pytest.mark.parametrize("shift_ms", [-5, 5])
def test_jitter_does_not_move_words(tmp_path: Path, shift_ms: int) -> None:
    track = make_meeting(tracks=2, seconds=8, offsets=[0, 1]).tracks[0]
    source = write_opus(
        [samples_of(track)],
        tmp_path / "source.webm",
        shift_ms=lambda nth: shift_ms if nth % 7 == 3 else 0,
    )

    copied(str(source), tmp_path / "padded.webm", Fraction(1))

    assert_exact(track, by_pyav(tmp_path / "padded.webm"), offset=Fraction(1))


def test_a_gap_of_partial_packets_is_sample_exact(tmp_path: Path) -> None:
    track = make_meeting(tracks=1, seconds=12).tracks[0]
    since = 200
    source = write_opus(
        [samples_of(track)],
        tmp_path / "source.webm",
        shift_ms=lambda nth: 3333 if nth >= since else 0,
    )
    target = tmp_path / "padded.webm"

    write_padded(str(source), target, Fraction(1))

    # The pre-skip belongs to the first packet, so packets after the gap start earlier by it.
    after = [word for word in track.words if word.start * RATE > since * 960]
    moved = replace(track, words=tuple(after))
    assert_exact(moved, by_pyav(target), offset=Fraction("4.333"))


@pytest.mark.parametrize(
    ("codec", "name", "rate", "channels"),
    [
        ("libopus", "a.ogg", 48_000, 1),
        ("vorbis", "a.webm", 44_100, 2),
        ("vorbis", "a.webm", 48_000, 2),
        ("aac", "a.mp4", 44_100, 2),
        ("aac", "a.mp4", 48_000, 1),
        ("pcm_s16le", "a.wav", 44_100, 1),
        ("pcm_s16le", "a.wav", 16_000, 2),
        ("libmp3lame", "a.mp3", 44_100, 2),
    ],
)
def test_all_channels_of_any_format_are_padded(
    tmp_path: Path, codec: str, name: str, rate: int, channels: int
) -> None:
    track = make_meeting(tracks=1, seconds=5, offsets=[0]).tracks[0]
    source = write_sound(
        samples_of(track), tmp_path / name, codec=codec, rate=rate, channels=channels
    )
    target = tmp_path / "padded.webm"

    write_padded(str(source), target, Fraction("1.001"))

    # The mean of both channels matches, so neither is silent or late.
    assert_exact(track, by_pyav(target), offset=Fraction("1.001"))
    assert read_audio(target).samples.max() == pytest.approx(track.level, rel=0.15)
    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.channels) == ("opus", channels)


def test_stereo_channels_stay_separate(tmp_path: Path) -> None:
    left = make_meeting(tracks=1, seconds=5).tracks[0]
    right = replace(left, index=9)
    source = write_opus([samples_of(left), samples_of(right)], tmp_path / "source.webm")

    for pad in (copied, encoded):
        target = tmp_path / "padded.webm"
        pad(str(source), target, Fraction("0.5"))
        with av.open(str(target)) as container:
            both = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
        assert_exact(left, both[0], offset=Fraction("0.5"))
        assert_exact(right, both[1], offset=Fraction("0.5"))
