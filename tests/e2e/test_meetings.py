"""Whole meetings through a real server: every word of every track."""

from __future__ import annotations

import pytest

from fixtures_audio import BANDS
from tests.e2e.failing import failed_checks
from trackproof.events.stream import Event
from trackproof.testbed.conductor import ConductorServer
from trackproof.verify.meeting_check import RunOptions, check_meeting

pytestmark = pytest.mark.conductor


@pytest.mark.nightly
@pytest.mark.parametrize("denied", [[0], [0, 1, 2]])
def test_denied_consent_leaves_no_audio(denied: list[int], conductor: ConductorServer) -> None:
    options = RunOptions(tracks=3, seconds=10, denied=denied, conductor=conductor.api_url)

    assert failed_checks(check_meeting(options, [])) == []


def test_a_big_meeting_is_told_as_it_happens_and_holds(conductor: ConductorServer) -> None:
    seen: list[Event] = []

    class Recorder:
        def write(self, event: Event) -> None:
            seen.append(event)

    # More tracks than there are bands, more words than go into one chunk, and one who says no.
    options = RunOptions(tracks=BANDS + 1, seconds=22, denied=[1], conductor=conductor.api_url)

    ended = check_meeting(options, [Recorder()])

    assert failed_checks(ended) == []
    topics = next(check for check in ended.checks if check.id == "llm.topic_calls")
    assert not topics.detail.startswith(("0 ", "1 "))
    kinds = list(dict.fromkeys(type(event).__name__ for event in seen))
    assert kinds == ["Note", "RunStarted", "StepsSeen", "Check", "RunEnded"]
    assert seen[-1] == ended
