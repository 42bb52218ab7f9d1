"""Whole meetings through real servers: every word of every track, on every version."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from fixtures_audio import BANDS
from tools.testbed.conductor import VERSIONS, ConductorServer
from tools.verify.events import Event, RunEnded
from tools.verify.pipeline import RunOptions, run_meeting

pytestmark = pytest.mark.conductor


def failed_checks(ended: RunEnded) -> list[str]:
    return [f"{check.id}: {check.detail}" for check in ended.checks if not check.passed]


# Every run has the newer versions, and 3.15.0 in all other tests; a night has every pair.
EVERY_RUN = {("3.21.14", 8), ("3.32.3", 3)}
PAIRS = [
    pytest.param(*pair, marks=() if pair in EVERY_RUN else pytest.mark.nightly)
    for pair in itertools.product(VERSIONS, (1, 3, 8, 16))
]


@pytest.mark.parametrize(("version", "tracks"), PAIRS)
def test_every_check_holds(
    version: str, tracks: int, conductor_of: Callable[[str], ConductorServer]
) -> None:
    server = conductor_of(version)

    ended = run_meeting(RunOptions(tracks=tracks, seed=tracks, conductor=server.api_url), [])

    assert failed_checks(ended) == []
    assert ended.status == "COMPLETED"
    assert ended.version == version


@pytest.mark.nightly
@pytest.mark.parametrize("denied", [[0], [0, 1, 2]])
def test_denied_consent_leaves_no_audio(denied: list[int], conductor: ConductorServer) -> None:
    options = RunOptions(tracks=3, seconds=10, denied=denied, conductor=conductor.api_url)

    assert failed_checks(run_meeting(options, [])) == []


def test_a_big_meeting_is_told_as_it_happens_and_holds(conductor: ConductorServer) -> None:
    seen: list[Event] = []

    class Recorder:
        def write(self, event: Event) -> None:
            seen.append(event)

    # More tracks than there are bands, more words than go into one chunk, and one who says no.
    options = RunOptions(tracks=BANDS + 1, seconds=22, denied=[1], conductor=conductor.api_url)

    ended = run_meeting(options, [Recorder()])

    assert failed_checks(ended) == []
    topics = next(check for check in ended.checks if check.id == "llm.topic_calls")
    assert not topics.detail.startswith(("0 ", "1 "))
    kinds = list(dict.fromkeys(type(event).__name__ for event in seen))
    assert kinds == ["Note", "RunStarted", "StepsSeen", "Check", "RunEnded"]
    assert seen[-1] == ended
