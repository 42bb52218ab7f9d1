"""Synthesised speech is recognised by when it sounds; a wrong pad gives wrong times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures_audio import Track, make_meeting, write_track
from trackproof.testbed.stand_ins.services.known_speech import KnownSpeech
from trackproof.testbed.stand_ins.services.modal import UndecodableAudioError

MEETING = make_meeting(tracks=2, seconds=12, seed=4, offsets=[0.0, 1.5])


def padded(track: Track, folder: Path, late: float = 0.0) -> Path:
    """Write a track with silence up to its offset, as a fleet pads it."""
    ahead = track.offset + late
    words = tuple(
        replace(word, start=word.start + ahead, end=word.end + ahead) for word in track.words
    )
    whole = replace(track, offset=0.0, duration=track.duration + ahead, words=words, gaps=())
    path = folder / "padded.webm"
    write_track(whole, path)
    return path


@pytest.mark.parametrize("late", [0.0, 0.4])
@pytest.mark.parametrize("index", [0, 1])
def test_a_track_is_told_from_others_and_heard_when_it_sounds(
    index: int, late: float, tmp_path: Path
) -> None:
    track = MEETING.tracks[index]

    heard = KnownSpeech(MEETING.tracks).transcribe(padded(track, tmp_path, late))

    assert [word.text for word in heard] == [word.text for word in track.words]
    errors = [
        got.start - (track.offset + word.start)
        for got, word in zip(heard, track.words, strict=True)
    ]
    assert errors == pytest.approx([late] * len(errors), abs=0.02)


def test_silence_has_no_words_and_rubbish_is_an_error(tmp_path: Path) -> None:
    silent = replace(MEETING.tracks[0], words=())
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"<html>" * 99)

    assert KnownSpeech(MEETING.tracks).transcribe(padded(silent, tmp_path)) == []
    with pytest.raises(UndecodableAudioError):
        KnownSpeech(MEETING.tracks).transcribe(rubbish)
