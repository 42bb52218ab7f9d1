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

SHORT_MEETINGS = NAMED_MEETINGS.keys() - {"hour", "three-hours", "seventeen-minutes"}


def test_a_name_and_a_seed_make_one_meeting() -> None:
    for name in SHORT_MEETINGS:
        meeting = make_named_meeting(name, seed=3)

        assert meeting == make_named_meeting(name, seed=3)
        assert meeting != make_named_meeting(name, seed=4)
        assert len(meeting.tracks) == NAMED_MEETINGS[name].tracks


def test_a_named_meeting_can_have_any_number_of_tracks() -> None:
    wanted = [(name, tracks) for name in SHORT_MEETINGS for tracks in (1, 2, 9)]
    wanted += [(name, 64) for name in ("late-joiners", "muted", "everybody")]

    for name, tracks in wanted:
        assert len(make_named_meeting(name, tracks=tracks).tracks) == tracks


def test_the_error_for_an_unknown_name_lists_the_known_names() -> None:
    with pytest.raises(ValueError, match=r"no meeting is named 'party'; known: alone, pair,"):
        make_named_meeting("party")


def test_each_meeting_has_the_property_it_is_named_for() -> None:
    assert [track.offset for track in make_named_meeting("odd-offsets").tracks] == [
        *(0, 0.001, 0.007, 0.999, 1.001)
    ]
    assert make_named_meeting("seventeen-minutes").tracks[1].offset == 1020
    assert min(track.offset for track in make_named_meeting("nobody-at-the-start").tracks) == 5
    assert sum(bool(track.gaps) for track in make_named_meeting("muted").tracks) >= 2
    assert make_named_meeting("silent-guest").tracks[-1].words == ()
    assert {track.level for track in make_named_meeting("uneven").tracks} == {0.9, 0.02, 0.2}
    assert make_named_meeting("three-hours").duration == 10_800


@pytest.mark.parametrize("name", ["short", "quiet"])
def test_the_truth_lists_the_words_detected_in_the_files(tmp_path: Path, name: str) -> None:
    meeting = make_named_meeting(name, tracks=2, seed=1)

    truth = truth_of(meeting, write_meeting(meeting, tmp_path))

    for track in truth["tracks"]:
        detected = detect_words_in_file(tmp_path / track["file"], bands=[track["band"]])
        assert [word.text for word in detected] == [
            word["text"] for word in truth["words"] if word["track_index"] == track["track_index"]
        ]


def test_participant_names_use_several_scripts() -> None:
    names = "".join(track.participant.name for track in make_named_meeting("full-room").tracks)
    scripts = {unicodedata.name(letter).split()[0] for letter in names if letter.isalpha()}

    assert scripts >= {"LATIN", "CJK", "GREEK", "CYRILLIC", "DEVANAGARI", "HEBREW"}


@pytest.mark.skipif(not is_installed(), reason="espeak-ng is not installed")
def test_a_spoken_meeting_has_sound_at_its_words_and_silence_between(tmp_path: Path) -> None:
    meeting = make_spoken_meeting(tracks=1, seconds=12, seed=2)

    [path] = write_meeting(meeting, tmp_path, sound=render_speech)

    [track] = meeting.tracks
    assert len(track.words) >= 5
    samples = np.abs(read_audio(path).samples)
    between = np.ones(samples.size, dtype=np.bool_)
    for word in track.words:
        first, last = round(word.start * RATE_HZ), round(word.end * RATE_HZ)
        assert samples[first:last].max() > 0.5 * track.level
        between[max(0, first - 2400) : last + 2400] = False
    assert samples[between].max() < 0.1 * track.level
