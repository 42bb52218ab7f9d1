"""Pipeline: every step completes in order, and failed deliveries do not fail the meeting."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.progress import UNSCHEDULED_RETRY, unscheduled_retries

PARALLEL = {"generate_title", "generate_summary"}
AROUND_PARALLEL = (("detect_topics", "generate_summary"), ("generate_title", "finalize"))
"""Ordered pairs that are not adjacent, because of the parallel steps."""


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on the run's steps."""
    yield _completed(evidence)
    yield _ordered(evidence)
    yield _forked(evidence)
    yield _optional_deliveries(evidence)


def _completed(evidence: Evidence) -> Check:
    optional = {step.reference for step in evidence.contracts.steps if step.optional}
    failed = [
        f"{step.name} is {step.status}{f' ({step.reason})' if step.reason else ''}"
        for step in evidence.steps
        if step.status != "COMPLETED" and step.name not in optional
    ]
    status = evidence.workflow["status"]
    attempts = sum(step.attempts for step in evidence.steps)
    detail = "; ".join(failed) or f"{len(evidence.steps)} steps, {attempts} tasks"
    if unscheduled := unscheduled_retries(evidence.workflow):
        detail += f"; {UNSCHEDULED_RETRY} of {unscheduled[0]}"
    return Check(
        "steps.completed", status == "COMPLETED" and not failed, f"workflow {status}: {detail}"
    )


def _ordered(evidence: Evidence) -> Check:
    steps = {step.name: step for step in evidence.steps}
    adjacent = [pair for pair in pairwise(evidence.steps) if {s.name for s in pair} != PARALLEL]
    early = []
    for earlier, later in (
        *adjacent,
        *((steps[first], steps[then]) for first, then in AROUND_PARALLEL),
    ):
        if later.started_at is None:
            continue
        if earlier.ended_at is None or later.started_at < earlier.ended_at - 0.001:
            early.append(f"{later.name} started before {earlier.name} ended")
    return Check.of("steps.order", early, otherwise="in the order of the workflow")


def _forked(evidence: Evidence) -> Check:
    tracks = len(evidence.scenario.meeting.tracks)
    branches = {
        step.name: step.branches
        for step, planned in zip(evidence.steps, evidence.contracts.steps, strict=True)
        if planned.dynamic
    }
    counts = ", ".join(f"{name} × {count}" for name, count in branches.items())
    return Check("steps.forks", set(branches.values()) == {tracks}, f"{counts} for {tracks} tracks")


def _optional_deliveries(evidence: Evidence) -> Check:
    """A failed delivery must not fail a meeting whose result is stored."""
    problems = []
    for reference in ("post_zulip", "send_webhook"):
        task = evidence.task(reference)
        if task is None:
            problems.append(f"{reference} was never scheduled")
        elif not task["workflowTask"].get("optional"):
            problems.append(f"{reference} is not optional")
    return Check.of(
        "deliveries.optional", problems, otherwise="post_zulip and send_webhook are optional"
    )
