from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fixtures_audio import Meeting, hear_file, make_meeting, read_audio, write_meeting
from reference_workers.audio.mixing import write_mixdown
from reference_workers.audio.padding import write_padded
from reference_workers.errors import PermanentError
from tests.unit.reference_workers.sounds import (
    assert_heard,
    in_track,
    said,
    samples_of,
    silence,
    write_picture,
    write_sound,
)

GAIN_OF_LAME = 0.95


def mixed(meeting: Meeting, folder: Path) -> tuple[Path, float]:
    """Return the mixdown of a meeting and the duration it is said to have."""
    paths = write_meeting(meeting, folder / "tracks")
    target = folder / "audio.mp3"
    return target, write_mixdown([str(path) for path in paths], target)


@pytest.mark.parametrize("tracks", [1, 2, 5, 12])
def test_every_word_of_every_track_is_heard_at_its_time(tmp_path: Path, tracks: int) -> None:
    meeting = make_meeting(tracks=tracks, seconds=12, seed=tracks)

    target, duration = mixed(meeting, tmp_path)

    heard = hear_file(target)
    for track in meeting.tracks:
        assert_heard(said(track), in_track(track, heard), within=0.003)
    assert len(heard) == len(meeting.truth())
    assert duration == pytest.approx(meeting.duration, abs=0.03)
    assert read_audio(target).duration == pytest.approx(duration, abs=0.03)


@pytest.mark.parametrize("tracks", [1, 6])
def test_no_track_is_louder_or_softer_for_the_others(tmp_path: Path, tracks: int) -> None:
    meeting = make_meeting(tracks=tracks, seconds=10)

    target, _ = mixed(meeting, tmp_path)

    levels = [word.level / meeting.tracks[0].level for word in hear_file(target)]
    assert np.median(levels) == pytest.approx(GAIN_OF_LAME, abs=0.04)
    assert max(levels) / min(levels) < 1.15


def test_a_mute_is_kept_as_long_as_it_was(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=2, seconds=20, offsets=[0, 0])
    assert meeting.tracks[1].gaps

    target, _ = mixed(meeting, tmp_path)

    track = meeting.tracks[1]
    assert_heard(said(track), in_track(track, hear_file(target)), within=0.003)


def test_padded_and_unpadded_tracks_of_one_meeting_meet_in_time(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=3, seconds=16, offsets=[0, 1.001, 3.217])
    recorded = write_meeting(meeting, tmp_path)
    padded = tmp_path / "padded.webm"
    write_padded(str(recorded[1]), padded, Fraction(1001, 1000))

    sources = [str(path) for path in (recorded[0], padded, recorded[2])]
    duration = write_mixdown(sources, tmp_path / "audio.mp3")

    heard = hear_file(tmp_path / "audio.mp3")
    for track in meeting.tracks:
        assert_heard(said(track), in_track(track, heard), within=0.003)
    assert duration == pytest.approx(meeting.duration, abs=0.03)


def test_the_longest_track_gives_the_duration_wherever_it_stands(tmp_path: Path) -> None:
    lengths = [1.0, 4.0, 2.5]
    sources = [
        str(write_sound(silence(length), tmp_path / f"{n}.webm"))
        for n, length in enumerate(lengths)
    ]

    duration = write_mixdown(sources, tmp_path / "audio.mp3")

    assert duration == pytest.approx(4.0, abs=0.03)


@pytest.mark.parametrize(
    ("codec", "name", "rate", "channels"),
    [
        ("libopus", "a.webm", 48_000, 2),
        ("pcm_s16le", "a.wav", 44_100, 1),
        ("pcm_s16le", "a.wav", 44_100, 2),
        ("pcm_s16le", "a.wav", 16_000, 1),
    ],
)
def test_a_track_of_another_shape_does_not_vanish(
    tmp_path: Path, codec: str, name: str, rate: int, channels: int
) -> None:
    usual, other = make_meeting(tracks=2, seconds=8, offsets=[0, 0], seed=3).tracks
    sources = [
        write_sound(samples_of(usual), tmp_path / "usual.webm"),
        write_sound(samples_of(other), tmp_path / name, codec=codec, rate=rate, channels=channels),
    ]

    write_mixdown([str(source) for source in sources], tmp_path / "audio.mp3")

    heard = hear_file(tmp_path / "audio.mp3")
    for track in (usual, other):
        found = in_track(track, heard)
        assert_heard(said(track), found, within=0.003)
        levels = [word.level / track.level for word in found]
        assert np.median(levels) == pytest.approx(GAIN_OF_LAME, abs=0.05)


def test_the_mixdown_is_a_stereo_mp3_with_the_same_in_both_channels(tmp_path: Path) -> None:
    target, _ = mixed(make_meeting(tracks=2, seconds=5), tmp_path)

    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.channels, stream.rate) == (
            "mp3float",
            2,
            48_000,
        )
        left, right = np.concatenate(
            [frame.to_ndarray() for frame in container.decode(stream)], axis=1
        )
    assert np.abs(left).max() > 0.1
    assert np.abs(left - right).max() < 0.02


def test_a_track_that_cannot_be_opened_is_never_left_out(tmp_path: Path) -> None:
    good = write_sound(silence(1), tmp_path / "good.webm")
    bad = write_picture(tmp_path / "bad.webm")

    with pytest.raises(PermanentError, match="no audio stream"):
        write_mixdown([str(good), str(bad)], tmp_path / "audio.mp3")


def test_a_very_short_track_is_mixed_too(tmp_path: Path) -> None:
    short = write_sound(silence(0.01), tmp_path / "short.webm")

    duration = write_mixdown([str(short)], tmp_path / "audio.mp3")

    assert 0 < duration < 0.1
