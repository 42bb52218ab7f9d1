"""Whole meetings on a real server."""

from __future__ import annotations

import pytest

from fixtures_audio import BANDS
from trackproof.events.stream import Event
from trackproof.testbed.conductor import ConductorServer
from trackproof.verify.meeting_check import RunOptions, check_meeting

pytestmark = pytest.mark.conductor


@pytest.mark.nightly
@pytest.mark.parametrize("denied", [[0], [0, 1, 2]])
def test_denied_consent_leaves_no_audio(denied: list[int], conductor: ConductorServer) -> None:
    options = RunOptions(tracks=3, seconds=10, denied=denied, conductor=conductor.api_url)

    assert check_meeting(options, []).failed_checks == ()


@pytest.mark.nightly
def test_a_big_meeting_passes_and_emits_its_events(conductor: ConductorServer) -> None:
    events: list[Event] = []

    class Recorder:
        def write(self, event: Event) -> None:
            events.append(event)

    # More tracks than bands, more words than fit into one chunk, one denied consent.
    options = RunOptions(tracks=BANDS + 1, seconds=22, denied=[1], conductor=conductor.api_url)

    ended = check_meeting(options, [Recorder()])

    assert ended.failed_checks == ()
    topics = next(check for check in ended.checks if check.id == "llm.topic_calls")
    assert not topics.detail.startswith(("0 ", "1 "))
    kinds = list(dict.fromkeys(type(event).__name__ for event in events))
    assert set(kinds[:2]) == {"Note", "AudioProgress"}  # the audio is written meanwhile
    assert kinds[2:] == ["RunStarted", "StepsSeen", "Check", "RunEnded"]
    assert events[-1] == ended
