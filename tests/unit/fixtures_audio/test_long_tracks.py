"""A track of hours has the words and times of one that is encoded whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures_audio import RATE_HZ, Track, detect_words_in_file, make_meeting, render, text_of
from fixtures_audio.long_tracks import write_long_track
from fixtures_audio.tones import Samples


@pytest.mark.parametrize("index", [0, 1])
def test_every_word_is_heard_at_its_time(index: int, tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=20, seed=3).tracks[index]
    path = tmp_path / "track.webm"

    write_long_track(track, path)

    heard = detect_words_in_file(path)
    assert [text_of(word.word_id) for word in heard] == [word.text for word in track.words]
    offsets = {
        round(got.start - word.start, 2) for got, word in zip(heard, track.words, strict=True)
    }
    assert len(offsets) == 1


def test_an_interruption_ends_the_writing_within_a_block(tmp_path: Path) -> None:
    track = make_meeting(tracks=1, seconds=60, seed=3).tracks[0]
    written = 0.0

    def interrupted(part: Track) -> Iterator[Samples]:
        nonlocal written
        for block in render(part):
            if written > 5 * RATE_HZ:
                raise InterruptedError
            written += block.size
            yield block

    with pytest.raises(InterruptedError):
        write_long_track(track, tmp_path / "track.webm", sound=interrupted)

    assert written < 8 * RATE_HZ


def test_every_sample_is_counted_once(tmp_path: Path) -> None:
    track = make_meeting(tracks=1, seconds=20, seed=3).tracks[0]
    sizes: list[int] = []

    def counted(part: Track) -> Iterator[Samples]:
        for block in render(part):
            sizes.append(block.size)
            yield block

    write_long_track(track, tmp_path / "track.webm", sound=counted)

    assert sum(sizes) / RATE_HZ == pytest.approx(track.duration, abs=0.02)
