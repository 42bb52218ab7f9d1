"""Files as recorders write them, with the reference fleet's own functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures_audio import detect_words, render
from fixtures_audio.recorders import make_exhibit, speak
from reference_workers.audio import RATE
from reference_workers.audio.clock import Clock
from reference_workers.audio.mixer import write_mixdown
from reference_workers.audio.padding import offset_seconds, write_padded
from tests.unit.reference_workers.audio.exactness import by_pyav
from trackproof.suite.clauses.recordings import encode

PACKET = RATE // 50


@dataclass
class Frame:
    samples: int = PACKET
    sample_rate: int = RATE


@dataclass
class Stream:
    time_base: Fraction = Fraction(1, 1000)


def lateness_ms(times_ms: list[int]) -> list[float]:
    """Return by how many milliseconds each packet of 20 ms is later than its time."""
    clock = Clock(Stream(), skipped=0)  # type: ignore[arg-type]
    clock.start_at(times_ms[0])
    frames: Iterator[Any] = ((Frame(), time) for time in times_ms)
    late, position = [], 0
    for (_, start, dropped), time in zip(clock.positions(frames), times_ms, strict=True):
        position = max(position, start)
        late.append((position - dropped) * 1000 / RATE - (time - times_ms[0]))
        position += PACKET - dropped
    return late


@pytest.mark.parametrize("drift", [1e-4, -1e-4, 1e-3, -1e-3])
def test_a_drifting_clock_never_makes_audio_late(drift: float) -> None:
    late = lateness_ms([round(nth * 20 * (1 + drift)) for nth in range(60_000)])

    assert max(map(abs, late)) <= 6  # 5 ms, and the rounding of times to 1 ms


def test_two_thousand_gaps_do_not_move_audio() -> None:
    late = lateness_ms([400 * nth for nth in range(2000)])

    assert set(late) == {0.0}


def test_jitter_moves_nothing() -> None:
    jitter = (0, 9, -8, 15, 3, -14, 11, -5)
    late = lateness_ms([1000 + 20 * nth + jitter[nth % 8] for nth in range(1000)])

    assert [round(one + jitter[nth % 8]) for nth, one in enumerate(late)] == [0] * 1000


def test_a_gap_before_a_jump_back_is_filled() -> None:
    times = [*range(0, 200, 20), *range(1000, 1060, 20), *range(100, 400, 20)]

    assert lateness_ms(times)[10] == 0


def test_a_file_without_times_may_change_its_rate(tmp_path: Path) -> None:
    sound = np.concatenate(list(render(speak([0.5, 1.5], index=0, offset=0, seconds=2))))
    parts = [
        encode(np.array([sound] * channels), container="adts", codec="aac", rate=rate)
        for rate, channels in ((44_100, 1), (48_000, 2))
    ]
    source = tmp_path / "track"
    source.write_bytes(b"".join(parts))

    write_mixdown([str(source)], tmp_path / "audio.mp3")

    starts = [word.start for word in detect_words(by_pyav(tmp_path / "audio.mp3"))]
    assert starts == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.1)


@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_two_streams_become_one_padded_track(offset: float, tmp_path: Path) -> None:
    [recording] = make_exhibit("two-streams", offset=offset)
    source = tmp_path / "track.webm"
    source.write_bytes(recording.content)

    write_padded(str(source), tmp_path / "padded.webm", offset_seconds(str(source)))

    heard = sorted(word.start for word in detect_words(by_pyav(tmp_path / "padded.webm")))
    spoken = sorted(track.offset + word.start for track in recording.tracks for word in track.words)
    assert heard == pytest.approx(spoken, abs=0.002)
