"""Exhibits of the recorder zoo."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import pytest

from fixtures_audio.recorders import RECORDERS, make_exhibit, write_recorders


@pytest.mark.parametrize("name", RECORDERS)
def test_an_exhibit_is_always_the_same(name: str) -> None:
    assert make_exhibit(name, offset=1.5) == make_exhibit(name, offset=1.5)


@pytest.mark.parametrize("name", sorted(RECORDERS.keys() - {"jump-back", "rate-change"}))
def test_an_exhibit_starts_at_its_offset(name: str) -> None:
    first = make_exhibit(name, offset=1.5)[0]

    with av.open(BytesIO(first.content)) as file:
        stream = file.streams.audio[0]
        assert stream.start_time is not None
        assert float(stream.start_time * (stream.time_base or 0)) == pytest.approx(1.5, abs=0.021)


def test_a_meeting_of_exhibits_has_a_file_and_a_voice_for_each_track(tmp_path: Path) -> None:
    meeting, files = write_recorders(tmp_path)

    assert [track.index for track in meeting.tracks] == list(range(len(files)))
    assert len({track.participant.id for track in meeting.tracks}) == len(files)
