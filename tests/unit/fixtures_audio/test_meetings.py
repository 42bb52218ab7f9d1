import itertools
from functools import cache

import pytest

from fixtures_audio import MAX_TRACKS, TRACERS, VOCABULARY, Meeting, make_meeting, text_of

SIZES = [1, 2, 3, 8, 16, 30, 31, 64]


@cache
def meetings() -> list[Meeting]:
    return [make_meeting(tracks=tracks, seconds=40, seed=tracks) for tracks in SIZES]


def test_the_vocabulary_has_256_distinct_lowercase_words() -> None:
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() for word in VOCABULARY)


@pytest.mark.parametrize("id_", [-1, 256])
def test_an_id_outside_a_byte_raises_an_error(id_: int) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.255"):
        text_of(id_)


def test_the_same_seed_makes_the_same_meeting() -> None:
    assert make_meeting(tracks=9, seed=4) == make_meeting(tracks=9, seed=4)


def test_another_seed_makes_another_meeting() -> None:
    one, other = make_meeting(tracks=9, seed=4), make_meeting(tracks=9, seed=5)
    assert one.truth() != other.truth()
    assert one.tracks[3].participant != other.tracks[3].participant


def test_a_seed_of_words_changes_the_words_alone() -> None:
    one, other = (make_meeting(tracks=3, seed=4, words_seed=words) for words in (1, 2))

    assert [word.start for word in one.truth()] == [word.start for word in other.truth()]
    assert [word.text for word in one.truth()] != [word.text for word in other.truth()]
    assert one == make_meeting(tracks=3, seed=4, words_seed=1)


@pytest.mark.parametrize("tracks", [0, -1, MAX_TRACKS + 1])
def test_a_number_of_tracks_outside_1_to_64_raises_an_error(tracks: int) -> None:
    with pytest.raises(ValueError, match="1 to 64 tracks"):
        make_meeting(tracks=tracks)


def test_a_meeting_too_short_for_its_tracks_raises_an_error() -> None:
    with pytest.raises(ValueError, match=r"Hint: make the meeting longer"):
        make_meeting(tracks=64, seconds=1)


def test_tracks_have_the_given_offsets() -> None:
    meeting = make_meeting(tracks=3, offsets=[0, 2.5, 7.003])
    assert [track.offset for track in meeting.tracks] == [0, 2.5, 7.003]
    assert meeting.duration == 30


@pytest.mark.parametrize("offsets", [[0], [0, -1], [0, 0.0005], [0, 29.5]])
def test_invalid_offsets_raise_an_error(offsets: list[float]) -> None:
    with pytest.raises(ValueError, match=r"offset|track 1 would last"):
        make_meeting(tracks=2, offsets=offsets)


def test_every_track_has_words_and_a_unique_participant() -> None:
    for meeting in meetings():
        assert all(track.words for track in meeting.tracks)
        assert len({track.participant.name for track in meeting.tracks}) == len(meeting.tracks)
        assert len({track.participant.id for track in meeting.tracks}) == len(meeting.tracks)


def test_tracks_join_late_leave_early_and_have_gaps() -> None:
    meeting = make_meeting(tracks=8, seconds=40)
    assert meeting.tracks[0].offset == 0
    assert all(track.offset > 0 for track in meeting.tracks[1:])
    assert len({track.offset + track.duration for track in meeting.tracks}) > 3
    assert any(end - start >= 2 for track in meeting.tracks for start, end in track.gaps)


def test_no_word_lies_in_a_gap_or_outside_its_track() -> None:
    for track in (track for meeting in meetings() for track in meeting.tracks):
        assert track.words[0].start >= 0
        assert track.words[-1].end <= track.duration
        for (start, end), word in itertools.product(track.gaps, track.words):
            assert word.end < start or word.start > end


def test_words_of_a_track_are_80_ms_long_and_100_ms_apart() -> None:
    for track in (track for meeting in meetings() for track in meeting.tracks):
        assert all(round(word.end - word.start, 6) == 0.08 for word in track.words)
        for one, following in itertools.pairwise(track.words):
            assert following.start - one.end > 0.1


def test_at_most_four_words_overlap() -> None:
    for meeting in meetings():
        edges = sorted(
            edge for word in meeting.truth() for edge in ((word.start, 1), (word.end, -1))
        )
        assert max(itertools.accumulate(step for _, step in edges)) <= 4


def test_every_meeting_has_tracers() -> None:
    for meeting in meetings():
        assert len({word.word_id for word in meeting.truth()} & TRACERS) >= 2


def test_the_truth_is_ordered_by_time() -> None:
    for meeting in meetings():
        order = [(word.start, word.track_index) for word in meeting.truth()]
        assert order == sorted(order)
        assert len(order) == sum(len(track.words) for track in meeting.tracks)


def test_a_meeting_can_last_three_hours() -> None:
    meeting = make_meeting(tracks=4, seconds=3 * 3600)
    assert meeting.duration == 3 * 3600
    assert len(meeting.truth()) > 20_000
