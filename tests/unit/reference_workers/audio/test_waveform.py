from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from fixtures_audio import RATE_HZ, make_meeting, write_meeting
from reference_workers.audio import waveform
from reference_workers.audio.decoder import decode_block_frames, decode_blocks
from reference_workers.audio.fast_decoder import decode_unchecked
from reference_workers.audio.media_input import open_audio
from reference_workers.audio.mixer import write_mixdown
from reference_workers.audio.waveform import PEAKS, compute_peaks
from reference_workers.errors import PermanentError
from reference_workers.metrics import measure
from tests.unit.reference_workers.signals import silence, write_picture, write_sound


def tone(level: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * 500 * time)).astype(np.float32)


def test_silence_is_255_zeros(tmp_path: Path) -> None:
    path = write_sound(silence(2), tmp_path / "a.wav", codec="pcm_s16le")

    assert str(compute_peaks(str(path))) == str([0.0] * 255)  # and no -0.0


@pytest.mark.parametrize("stated", [0, 47_999, 48_001, 200_000])
@pytest.mark.parametrize("samples", [1, 2, 254, 255, 256, 48_000, 131_071])
def test_peaks_of_a_file_with_any_declared_length(
    tmp_path: Path, samples: int, stated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(samples).uniform(-0.9, 0.9, samples).astype(np.float32)
    path = write_sound(noise, tmp_path / "a.wav", codec="pcm_s16le")
    if stated:
        monkeypatch.setattr(waveform, "_declared_samples", lambda _: stated)

    drawn = compute_peaks(str(path))

    starts = [i * samples // PEAKS for i in range(PEAKS + 1)]
    parts = [noise[a : max(b, a + 1)] for a, b in pairwise(starts)]
    assert drawn == pytest.approx([float(np.abs(part).max()) for part in parts], abs=0.0002)


@pytest.mark.parametrize("stated", [0, 69_999, 70_001, 200_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_peaks_of_an_mp3_with_any_declared_length(
    tmp_path: Path, channels: int, stated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(7).uniform(-0.6, 0.6, 70_000).astype(np.float32)
    path = write_sound(noise, tmp_path / "a.mp3", codec="libmp3lame", channels=channels)
    with open_audio(str(path)) as (container, stream):
        decoded = np.concatenate(list(decode_blocks(container, stream)), axis=1)
    if stated:
        monkeypatch.setattr(waveform, "_declared_samples", lambda _: stated)

    drawn = compute_peaks(str(path))

    ends = [i * decoded.shape[1] // PEAKS for i in range(PEAKS + 1)]
    exact = [float(np.abs(decoded[:, a:b]).max()) for a, b in pairwise(ends)]
    assert drawn == pytest.approx(exact, abs=0.0001)


def test_a_mixdown_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = write_meeting(make_meeting(tracks=2, seconds=7.777), tmp_path)
    mixdown = tmp_path / "audio.mp3"
    write_mixdown([str(track) for track in tracks], mixdown)
    joined, checked = Mock(wraps=decode_unchecked), Mock(wraps=decode_block_frames)
    monkeypatch.setattr(waveform, "decode_unchecked", joined)
    monkeypatch.setattr(waveform, "decode_block_frames", checked)

    with measure() as meter:
        assert max(compute_peaks(str(mixdown))) > 0.1

    assert (joined.call_count, checked.call_count) == (1, 0)
    assert (meter.audio_seconds, meter.audio_bytes) == (7.777, mixdown.stat().st_size)


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.254, 0.255, 0.2551, 1.0, 3.7])
def test_a_steady_tone_has_level_peaks(tmp_path: Path, seconds: float) -> None:
    path = write_sound(tone(0.5, max(seconds, 0.002)), tmp_path / "a.wav", codec="pcm_s16le")

    drawn = compute_peaks(str(path))

    assert len(drawn) == 255
    assert max(drawn) == pytest.approx(0.5, abs=0.01)
    if seconds >= 1:
        assert min(drawn) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_each_peak_is_at_its_time(tmp_path: Path, rate: int) -> None:
    sound = np.concatenate([silence(2), tone(0.8, 1), silence(2)])
    path = write_sound(sound, tmp_path / "a.wav", codec="pcm_s16le", rate=rate)

    drawn = np.asarray(compute_peaks(str(path)))

    loud = np.flatnonzero(drawn > 0.7)
    assert (loud[0], loud[-1]) == (pytest.approx(102, abs=1), pytest.approx(152, abs=1))
    assert drawn[:100].max() < 0.01
    assert drawn[155:].max() < 0.01


def test_a_click_in_a_long_recording_is_a_peak(tmp_path: Path) -> None:
    sound = silence(20)
    sound[round(7.3 * RATE_HZ)] = 0.9
    path = write_sound(sound, tmp_path / "a.wav", codec="pcm_s16le")

    drawn = compute_peaks(str(path))

    assert max(drawn) == pytest.approx(0.9, abs=0.01)
    assert drawn.index(max(drawn)) == int(7.3 / 20 * 255)


def test_no_peak_is_above_one(tmp_path: Path) -> None:
    path = write_sound(tone(1.0, 1), tmp_path / "a.mp3", codec="libmp3lame")

    assert max(compute_peaks(str(path))) <= 1.0


def test_media_without_audio_is_a_permanent_failure(tmp_path: Path) -> None:
    with pytest.raises(PermanentError):
        compute_peaks(str(write_picture(tmp_path / "a.webm")))
