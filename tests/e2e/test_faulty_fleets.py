"""Fleets that are wrong and services that are down: the verdict tells one from the other."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from fixtures_audio import make_meeting
from trackproof.checks import judge
from trackproof.errors import FleetError
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.progress import forgone_retries
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.verify.meeting_check import RunOptions, check_meeting

pytestmark = pytest.mark.conductor


def mutant(patch: str) -> FleetProfile:
    """Return the reference fleet with something replaced in its launcher."""
    launcher = f"{dedent(patch)}\nfrom reference_workers.__main__ import main\nmain()\n"
    return replace(REFERENCE, name="mutant", command=(sys.executable, "-c", launcher))


# One fleet with four faults: each fails checks of its own, and all that fails comes of them.
FAULTS = """
from fractions import Fraction
from importlib import import_module
import reference_workers.services.webhook as webhook
import reference_workers.workers as workers

# Every late joiner is padded by 30 ms too much.
pad_track = import_module("reference_workers.workers.pad_track")
offset = pad_track.offset_seconds
pad_track.offset_seconds = lambda source: offset(source) + Fraction(30, 1000)

# Audio is said to be deleted and is not.
workers.WORKERS["cleanup_consent"] = (
    lambda context, *, transcript_id: {"audio_deleted": True, "reason": "said so"}
)

# Every word is given to the first speaker.
merge = workers.WORKERS["merge_transcripts"]
def by_arrival(context, *, transcripts, transcript_id):
    merged = merge(context, transcripts=transcripts, transcript_id=transcript_id)
    for word in merged["all_words"]:
        word["speaker"] = 0
    return merged
workers.WORKERS["merge_transcripts"] = by_arrival

# The webhook is signed over other bytes.
signature = webhook.signature
webhook.signature = lambda secret, t, body: signature(secret, t, body + b" ")
"""
FAILED_BY_EACH = [
    {"words.time", "words.complete", "mixdown.words"},
    {"consent.honoured", "storage.keys"},
    {"words.speaker"},
    {"webhook.signature"},
]
MEETINGS = 5
"""How often Conductor may end a run because of a branch that failed once (`docs/conductor.md`)."""
FOLLOWING = {"quality", "storage.presigned"}
"""Words late are worse words; audio that was not deleted is still served."""


def test_every_fault_of_a_fleet_fails_its_own_check(conductor: ConductorServer) -> None:
    options = RunOptions(seconds=10, denied=[2], conductor=conductor.api_url, fleet=mutant(FAULTS))

    ended = check_meeting(options, [])

    failed = {check.id for check in ended.checks if not check.passed}
    assert [checks for checks in FAILED_BY_EACH if not failed & checks] == []
    assert failed - set().union(*FAILED_BY_EACH) == FOLLOWING
    assert not ended.held


def test_a_fleet_that_dies_ends_the_run_at_once_with_its_last_words(
    conductor: ConductorServer,
) -> None:
    fleet = mutant(
        """
        import os
        import reference_workers.workers as workers
        def die(context, **_):
            print("no disk left for the mixdown", flush=True)
            os._exit(7)
        workers.WORKERS["mixdown_tracks"] = die
        """
    )
    began = time.monotonic()

    with pytest.raises(FleetError) as caught:
        check_meeting(RunOptions(seconds=8, conductor=conductor.api_url, fleet=fleet), [])

    assert "died with exit code 7" in str(caught.value)
    assert "no disk left for the mixdown" in caught.value.evidence
    assert time.monotonic() - began < 60  # mixdown_tracks itself would time out after 300 s


def test_a_fleet_that_cannot_start_is_told_with_its_log(conductor: ConductorServer) -> None:
    broken = replace(
        REFERENCE, name="broken", command=(sys.executable, "-c", "import nothing_here")
    )

    with pytest.raises(FleetError, match="'broken' died") as caught:
        check_meeting(RunOptions(seconds=8, conductor=conductor.api_url, fleet=broken), [])

    assert "No module named 'nothing_here'" in caught.value.evidence


def with_failing_services(conductor: ConductorServer, folder: Path) -> Evidence:
    """Carry a meeting out while deliveries fail, and two services fail once each."""
    scenario = Scenario.prepared(make_meeting(tracks=2, seconds=6), folder)
    with (
        Testbed.started(
            conductor=conductor.api_url, version=conductor.version, report=lambda _: None
        ) as testbed,
        testbed.fleet(REFERENCE) as fleet,
    ):
        testbed.stand_ins.faults.add(
            Fault(service="zulip", status=401),
            Fault(service="webhook", status=404),
            Fault(service="modal", status=503, times=1),
            Fault(service="llm", status=503, times=1),
        )
        return run_meeting(testbed, fleet, scenario).evidence


def test_failing_deliveries_never_fail_a_meeting_and_a_service_that_fails_once_costs_one_try(
    conductor: ConductorServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for _ in range(MEETINGS):
        evidence = with_failing_services(conductor, tmp_path_factory.mktemp("meeting"))
        if not forgone_retries(evidence.workflow):
            break

    attempts = {step.name: step.attempts for step in evidence.steps}
    assert (evidence.workflow["status"], attempts["transcribe_track"]) == ("COMPLETED", 3)
    assert attempts["detect_topics"] == 2
    failed = {check.id for check in judge(evidence) if not check.passed}
    assert failed == {"zulip.message", "llm.tracers"}  # which surface in Zulip too
