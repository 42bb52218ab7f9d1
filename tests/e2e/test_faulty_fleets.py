"""The checks tell faulty fleets from failing services."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from fixtures_audio import make_meeting
from tests.e2e.running_fleet import running_fleet
from tests.unit.trackproof.verify.test_meeting_check import Recorder
from trackproof.checks import judge
from trackproof.errors import FleetError
from trackproof.events.runs import RunEnded
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.runs.evidence import Evidence
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.progress import unscheduled_retries
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor import ConductorRest, ConductorServer
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.verify.meeting_check import RunOptions, check_meeting
from trackproof.verify.run_store import RunStore

pytestmark = pytest.mark.conductor


def mutant(patch: str) -> FleetProfile:
    """Return the reference fleet with a patch in its launcher."""
    launcher = f"{dedent(patch)}\nfrom reference_workers.__main__ import main\nmain()\n"
    return replace(REFERENCE, name="mutant", command=(sys.executable, "-c", launcher))


# One fleet with four faults, each of which fails its own checks.
FAULTS = """
from fractions import Fraction
from importlib import import_module
import reference_workers.services.webhook as webhook
import reference_workers.workers as workers

# Tracks are padded by 30 ms too much.
pad_track = import_module("reference_workers.workers.pad_track")
offset = pad_track.offset_seconds
pad_track.offset_seconds = lambda source: offset(source) + Fraction(30, 1000)

# Audio is reported as deleted but is not.
workers.WORKERS["cleanup_consent"] = (
    lambda context, *, transcript_id: {"audio_deleted": True, "reason": "denied"}
)

# Every word is attributed to the first speaker.
merge = workers.WORKERS["merge_transcripts"]
def by_arrival(context, *, transcripts, transcript_id):
    merged = merge(context, transcripts=transcripts, transcript_id=transcript_id)
    for word in merged["all_words"]:
        word["speaker"] = 0
    return merged
workers.WORKERS["merge_transcripts"] = by_arrival

# The webhook signature covers other bytes.
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
"""Conductor may fail a run because of a branch that failed once (`docs/conductor.md`)."""
CONSEQUENCES = {"quality", "storage.presigned", "effects.outside"}
"""Late words raise the error rates, audio that is not deleted is still served, and a track that
begins at 0 is padded."""


def test_every_fault_fails_its_own_check(conductor: ConductorServer) -> None:
    options = RunOptions(seconds=10, denied=[2], conductor=conductor.api_url, fleet=mutant(FAULTS))

    ended = check_meeting(options, [])

    failed = {check.id for check in ended.failed_checks}
    assert [checks for checks in FAILED_BY_EACH if not failed & checks] == []
    assert failed - set().union(*FAILED_BY_EACH) == CONSEQUENCES
    assert not ended.passed


def test_a_dying_fleet_ends_the_run_at_once_with_its_last_log_lines(
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
    start = time.monotonic()
    recorder = Recorder()

    with pytest.raises(FleetError) as caught:
        check_meeting(RunOptions(seconds=8, conductor=conductor.api_url, fleet=fleet), [recorder])

    assert "died with exit code 7" in str(caught.value)
    assert "no disk left for the mixdown" in caught.value.evidence
    assert time.monotonic() - start < 60  # mixdown_tracks itself would time out after 300 s
    # Reports have what was seen, and no later fleet on this server takes up the run.
    ended = recorder.events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.timeline is not None
    assert "died with exit code 7" in ended.interrupted
    kept = RunStore.default().latest("run").run
    assert kept is not None
    assert kept.timeline == ended.timeline
    with ConductorRest(conductor.api_url) as rest:
        assert rest.workflow(ended.workflow_id)["status"] == "TERMINATED"


def test_a_fleet_that_cannot_start_is_an_error_with_its_log(conductor: ConductorServer) -> None:
    broken = replace(
        REFERENCE, name="broken", command=(sys.executable, "-c", "import nothing_here")
    )

    with pytest.raises(FleetError, match="'broken' died") as caught:
        check_meeting(RunOptions(seconds=8, conductor=conductor.api_url, fleet=broken), [])

    assert "No module named 'nothing_here'" in caught.value.evidence


def with_failing_services(conductor: ConductorServer, folder: Path) -> Evidence:
    """Run a meeting while deliveries fail, and two services fail once each."""
    scenario = Scenario.create(make_meeting(tracks=2, seconds=6), folder)
    with running_fleet(conductor) as (testbed, fleet):
        testbed.stand_ins.faults.add(
            Fault(service="zulip", status=401),
            Fault(service="webhook", status=404),
            Fault(service="modal", status=503, times=1),
            Fault(service="llm", status=503, times=1),
        )
        return run_meeting(testbed, fleet, scenario).evidence


def join_failed(evidence: Evidence) -> bool:
    """Return whether Conductor failed a JOIN although its branches were retried and completed."""
    return any(
        task["taskType"] == "JOIN" and task["status"] == "FAILED"
        for task in evidence.workflow["tasks"]
    )


@pytest.mark.nightly  # each run has this meeting among the clauses of the pipeline
def test_failed_deliveries_do_not_fail_a_meeting_and_a_transient_failure_costs_one_retry(
    conductor: ConductorServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for _ in range(MEETINGS):
        evidence = with_failing_services(conductor, tmp_path_factory.mktemp("meeting"))
        if not (unscheduled_retries(evidence.workflow) or join_failed(evidence)):
            break

    attempts = {step.name: step.attempts for step in evidence.steps}
    assert (evidence.workflow["status"], attempts["transcribe_track"]) == ("COMPLETED", 3)
    assert attempts["detect_topics"] == 2
    failed = {check.id for check in judge(evidence) if not check.passed}
    # Tracers must reach Zulip too.
    assert failed == {"zulip.message", "llm.tracers"}
