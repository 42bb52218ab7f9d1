from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from fixtures_audio import (
    NAMED_MEETINGS,
    detect_words_in_file,
    make_named_meeting,
    read_audio,
    truth_of,
    write_meeting,
)
from fixtures_audio.speech import is_installed, make_spoken_meeting, render_speech
from fixtures_audio.tones import RATE_HZ

QUICK = [
    name for name in NAMED_MEETINGS if name not in {"hour", "three-hours", "seventeen-minutes"}
]


def test_there_are_a_dozen_meetings_and_more() -> None:
    assert len(NAMED_MEETINGS) >= 12
    assert len({shown.what for shown in NAMED_MEETINGS.values()}) == len(NAMED_MEETINGS)


@pytest.mark.parametrize("name", QUICK)
def test_a_name_and_a_seed_make_one_meeting(name: str) -> None:
    meeting = make_named_meeting(name, seed=3)

    assert meeting == make_named_meeting(name, seed=3)
    assert meeting != make_named_meeting(name, seed=4)
    assert len(meeting.tracks) == NAMED_MEETINGS[name].tracks


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("tracks", [1, 2, 9])
def test_a_meeting_can_have_other_tracks(name: str, tracks: int) -> None:
    assert len(make_named_meeting(name, tracks=tracks).tracks) == tracks


@pytest.mark.parametrize("name", ["late-joiners", "muted", "everybody"])
def test_a_meeting_can_have_as_many_tracks_as_there_are(name: str) -> None:
    assert len(make_named_meeting(name, tracks=64).tracks) == 64


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no meeting is called 'party'; there are alone, pair,"):
        make_named_meeting("party")


def test_each_meeting_has_what_it_is_for() -> None:
    assert [track.offset for track in make_named_meeting("odd-offsets").tracks] == [
        *(0, 0.001, 0.007, 0.999, 1.001)
    ]
    assert make_named_meeting("seventeen-minutes").tracks[1].offset == 1020
    assert min(track.offset for track in make_named_meeting("nobody-at-the-start").tracks) == 5
    assert sum(bool(track.gaps) for track in make_named_meeting("muted").tracks) >= 2
    assert make_named_meeting("silent-guest").tracks[-1].words == ()
    assert {track.level for track in make_named_meeting("uneven").tracks} == {0.9, 0.02, 0.2}
    assert make_named_meeting("three-hours").duration == 10_800


@pytest.mark.parametrize("name", ["short", "quiet", "uneven", "nobody-at-the-start"])
def test_what_is_true_is_what_can_be_heard(tmp_path: Path, name: str) -> None:
    meeting = make_named_meeting(name, seed=1)

    truth = truth_of(meeting, write_meeting(meeting, tmp_path))

    for track in truth["tracks"]:
        heard = [
            word.text
            for word in detect_words_in_file(tmp_path / track["file"], bands=[track["band"]])
        ]
        said = [w["text"] for w in truth["words"] if w["track_index"] == track["track_index"]]
        assert heard == said


def test_names_come_in_several_scripts() -> None:
    names = "".join(track.participant.name for track in make_named_meeting("full-room").tracks)
    scripts = {unicodedata.name(letter).split()[0] for letter in names if letter.isalpha()}

    assert scripts >= {"LATIN", "CJK", "GREEK", "CYRILLIC", "DEVANAGARI", "HEBREW"}


@pytest.mark.skipif(not is_installed(), reason="espeak-ng is not installed here")
def test_a_spoken_meeting_sounds_where_its_words_are_and_only_there(tmp_path: Path) -> None:
    meeting = make_spoken_meeting(tracks=2, seconds=20, seed=2)

    paths = write_meeting(meeting, tmp_path, sound=render_speech)

    for track, path in zip(meeting.tracks, paths, strict=True):
        assert len(track.words) >= 5
        samples = np.abs(read_audio(path).samples)
        between = np.ones(samples.size, dtype=np.bool_)
        for word in track.words:
            first, last = round(word.start * RATE_HZ), round(word.end * RATE_HZ)
            assert samples[first:last].max() > 0.5 * track.level
            between[max(0, first - 2400) : last + 2400] = False
        assert samples[between].max() < 0.1 * track.level
