"""Stand-ins with some data, and callers over each transport."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import TRANSPORTS, Caller, caller_of
from trackproof.testbed.stand_ins import (
    DailyParticipant,
    DailyRecording,
    DailyTrack,
    StandIns,
    TranscribedWord,
    UndecodableAudioError,
)


def transcribe_text(path: Path) -> list[TranscribedWord]:
    """Transcribe "audio" that is a text file: one word per line, with its start in seconds."""
    content = path.read_bytes()
    if not content.startswith(b"audio\n"):
        raise UndecodableAudioError("Invalid data found when processing input")
    pairs = (line.split() for line in content.decode().splitlines()[1:])
    return [TranscribedWord(text, float(start), float(start) + 0.08) for text, start in pairs]


@pytest.fixture
def stand_ins() -> StandIns:
    return StandIns(
        daily_recordings=[
            DailyRecording(
                id="rec-1",
                room_name="standup",
                start_ts=1_700_000_000,
                duration=61,
                mtg_session_id="session-1",
                max_participants=3,
                s3key="standup/rec-1",
                tracks=(DailyTrack("standup/rec-1/a-cam-audio-1", 1234),),
            ),
            DailyRecording("rec-2", "lonely", 1_700_000_100, 5, status="in-progress"),
        ],
        daily_participants={
            "session-1": [
                DailyParticipant("p-1", 1_700_000_001, 60, "user-1", "Ada Lovelace"),
                DailyParticipant("p-2", 1_700_000_003, 55),
            ],
            "session-empty": [],
        },
        transcribe=transcribe_text,
        tracers={"albatross", "bergamot", "chrysalis"},
        vocabulary={"budget", "launch", "deadline", "customer"},
    )


@pytest.fixture
def caller(stand_ins: StandIns) -> Iterator[Caller]:
    """Call in process, for tests of a service's behaviour."""
    with caller_of(stand_ins, "in process") as caller:
        yield caller


@pytest.fixture(params=TRANSPORTS)
def any_caller(stand_ins: StandIns, request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Call over each transport, for tests of what a transport may change."""
    with caller_of(stand_ins, request.param) as caller:
        yield caller
