from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures_audio import hear_file, make_meeting, read_audio, write_track
from reference_workers.audio.padding import delay_milliseconds, offset_seconds, write_padded
from tests.unit.reference_workers.sounds import (
    assert_heard,
    said,
    samples_of,
    write_sound,
)


@pytest.mark.parametrize(
    ("offset", "milliseconds"),
    [
        ("0", 0),
        ("0.001", 1),
        ("1.001", 1001),
        ("2.003", 2003),
        ("4.035", 4035),
        ("8.12", 8120),
        ("3.2179", 3217),
        ("36000.999", 36_000_999),
    ],
)
def test_the_delay_is_exact_where_floats_are_not(offset: str, milliseconds: int) -> None:
    assert delay_milliseconds(Fraction(offset)) == milliseconds


@given(st.integers(0, 10**8))
def test_every_whole_millisecond_stays_itself(milliseconds: int) -> None:
    assert delay_milliseconds(Fraction(milliseconds, 1000)) == milliseconds


@given(st.fractions(0, 10**5))
def test_a_part_of_a_millisecond_is_left_out(offset: Fraction) -> None:
    assert 0 <= offset * 1000 - delay_milliseconds(offset) < 1


@pytest.mark.parametrize("offset", [0.0, 0.001, 1.001, 3.217, 4.035])
def test_the_offset_of_a_file_is_read_exactly(tmp_path: Path, offset: float) -> None:
    track = make_meeting(tracks=2, seconds=8, offsets=[0, offset]).tracks[1]
    write_track(track, tmp_path / "track.webm")

    found = offset_seconds(str(tmp_path / "track.webm"))

    assert delay_milliseconds(found) == round(offset * 1000)


@pytest.mark.parametrize("offset", [0.001, 1.001, 3.217])
def test_every_word_stands_at_its_meeting_time(tmp_path: Path, offset: float) -> None:
    track = make_meeting(tracks=2, seconds=20, offsets=[0, offset]).tracks[1]
    assert track.gaps
    source, target = tmp_path / "source.webm", tmp_path / "padded.webm"
    write_track(track, source)

    write_padded(str(source), target, offset_seconds(str(source)))

    assert_heard(said(track), hear_file(target, add_start_time=False), within=0.001)
    audio = read_audio(target)
    assert audio.start_time == 0
    assert audio.duration == pytest.approx(offset + track.duration, abs=0.005)


def test_a_padded_file_has_nothing_left_to_pad(tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=8, offsets=[0, 2.5]).tracks[1]
    source, target = tmp_path / "source.webm", tmp_path / "padded.webm"
    write_track(track, source)

    write_padded(str(source), target, Fraction(5, 2))

    assert offset_seconds(str(target)) == 0


@pytest.mark.parametrize(
    ("codec", "name", "rate", "channels"),
    [
        ("libopus", "a.webm", 48_000, 2),
        ("pcm_s16le", "a.wav", 44_100, 1),
        ("pcm_s16le", "a.wav", 44_100, 2),
        ("libmp3lame", "a.mp3", 44_100, 2),
    ],
)
def test_any_source_is_padded_in_all_its_channels(
    tmp_path: Path, codec: str, name: str, rate: int, channels: int
) -> None:
    track = make_meeting(tracks=1, seconds=5, offsets=[0]).tracks[0]
    source = write_sound(
        samples_of(track), tmp_path / name, codec=codec, rate=rate, channels=channels
    )
    target = tmp_path / "padded.webm"

    write_padded(str(source), target, Fraction(1001, 1000))

    shifted = [(text, start + 1.001) for text, start in said(track)]
    heard = hear_file(target, add_start_time=False)
    assert_heard(shifted, heard, within=0.0015)
    # The mean of both channels is as loud as each: none was left silent.
    assert min(word.level for word in heard) == pytest.approx(track.level, rel=0.1)
    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.channels) == ("opus", channels)
