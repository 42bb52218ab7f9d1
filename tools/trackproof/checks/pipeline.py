"""Did every step run, in the order of the seed, and may the last two fail?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.progress import FORGONE, forgone_retries

PARALLEL = {"generate_title", "generate_summary"}
AROUND_PARALLEL = (("detect_topics", "generate_summary"), ("generate_title", "finalize"))
"""What must follow one another and are no neighbours, because of the parallel steps."""


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on the run as a whole."""
    yield _completed(evidence)
    yield _ordered(evidence)
    yield _forked(evidence)
    yield _deliveries_may_fail(evidence)


def _completed(evidence: Evidence) -> Check:
    optional = {step.reference for step in evidence.contracts.steps if step.optional}
    failed = [
        f"{step.name} is {step.status}{f' ({step.reason})' if step.reason else ''}"
        for step in evidence.steps
        if step.status != "COMPLETED" and step.name not in optional
    ]
    status = evidence.workflow["status"]
    attempts = sum(step.attempts for step in evidence.steps)
    seen = "; ".join(failed) or f"{len(evidence.steps)} steps, {attempts} tasks"
    if forgone := forgone_retries(evidence.workflow):
        seen += f"; {FORGONE} of {forgone[0]}"
    return Check(
        "steps.completed", status == "COMPLETED" and not failed, f"workflow {status}: {seen}"
    )


def _ordered(evidence: Evidence) -> Check:
    steps = {step.name: step for step in evidence.steps}
    neighbours = [pair for pair in pairwise(evidence.steps) if {s.name for s in pair} != PARALLEL]
    early = []
    for earlier, later in (
        *neighbours,
        *((steps[first], steps[then]) for first, then in AROUND_PARALLEL),
    ):
        if later.started_at is None:
            continue
        if earlier.ended_at is None or later.started_at < earlier.ended_at - 0.001:
            early.append(f"{later.name} began before {earlier.name} had ended")
    return Check("steps.order", not early, "; ".join(early) or "as in the seed")


def _forked(evidence: Evidence) -> Check:
    tracks = len(evidence.scenario.meeting.tracks)
    branches = {
        step.name: step.branches
        for step, planned in zip(evidence.steps, evidence.contracts.steps, strict=True)
        if planned.dynamic
    }
    seen = ", ".join(f"{name} × {count}" for name, count in branches.items())
    return Check("steps.forks", set(branches.values()) == {tracks}, f"{seen} for {tracks} tracks")


def _deliveries_may_fail(evidence: Evidence) -> Check:
    """A failing Zulip or webhook must not fail a meeting whose result is safe."""
    wrong = []
    for reference in ("post_zulip", "send_webhook"):
        task = evidence.task(reference)
        if task is None:
            wrong.append(f"{reference} was never scheduled")
        elif not task["workflowTask"].get("optional"):
            wrong.append(f"a failing {reference} would fail the meeting")
    return Check(
        "deliveries.optional",
        not wrong,
        "; ".join(wrong) or "a failing Zulip or webhook fails no finished meeting",
    )
