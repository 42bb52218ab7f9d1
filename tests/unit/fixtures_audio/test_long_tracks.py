"""A track of hours has the words and times of one that is encoded whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures_audio import detect_words_in_file, make_meeting, text_of
from fixtures_audio.long_tracks import write_long_track


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
