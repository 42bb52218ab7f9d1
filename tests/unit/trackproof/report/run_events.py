"""Scripted event streams of runs."""

from __future__ import annotations

from dataclasses import replace

from trackproof.events.runs import Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.steps import StepState
from trackproof.events.stream import Event, Note
from trackproof.events.timeline import Cost, Timeline, TimelineEntry


def step(
    name: str,
    status: str = "COMPLETED",
    *,
    attempts: int = 1,
    seconds: float = 0.5,
    done: int = 0,
    branches: int = 0,
    reason: str = "",
) -> StepState:
    started = None if status in {"PENDING", "SCHEDULED"} else 100.0
    return StepState(name, status, attempts, started, seconds, done, branches, reason)


def started() -> RunStarted:
    return RunStarted("workflow-1", 3, "process", "3.15.0")


def ended(*checks: Check, status: str = "COMPLETED", steps: tuple[StepState, ...] = ()) -> RunEnded:
    return RunEnded(status, "workflow-1", 3, "process", "3.15.0", 18.5, steps, checks)


def passed_run() -> list[Event]:
    last = (
        step("get_recording", seconds=0.03),
        step("pad_track", attempts=4, seconds=1.25, done=3, branches=3, reason="S3 answered 503"),
        step("mixdown_tracks", seconds=0.4),
    )
    checks = (
        Check("words.complete", True, "121 of 121 words, each once"),
        Check("words.time", True, "error p99 0.1 ms, worst 0.2 ms of 20"),
    )
    return [
        Note("starting Conductor 3.15.0 as a process"),
        started(),
        StepsSeen((last[0], step("pad_track", "PENDING"), step("mixdown_tracks", "PENDING"))),
        StepsSeen(
            (
                last[0],
                step("pad_track", "IN_PROGRESS", attempts=3, seconds=0.7, done=1, branches=3),
                step("mixdown_tracks", "PENDING"),
            )
        ),
        StepsSeen((*last[:2], step("mixdown_tracks", "SCHEDULED", seconds=0))),
        StepsSeen(last),
        StepsSeen(last),
        *checks,
        ended(*checks, steps=last),
    ]


def failed_run() -> list[Event]:
    steps = (
        step("get_recording", seconds=0.03),
        step("pad_track", "FAILED", attempts=8, seconds=9, done=1, branches=2, reason="no disk"),
        step("mixdown_tracks", "PENDING", attempts=0, seconds=0),
    )
    checks = (
        Check("steps.completed", False, "workflow FAILED: pad_track is FAILED (no disk)"),
        Check("steps.order", True, "in the order of the workflow"),
        Check("mixdown.words", False, "there is no readable mixdown"),
    )
    return [
        started(),
        StepsSeen(steps),
        *checks,
        ended(*checks, status="FAILED", steps=steps),
    ]


def attempt(reference: str, began: float | None = 0.0, *, reason: str = "") -> TimelineEntry:
    status = "FAILED" if reason else "COMPLETED" if began is not None else "SCHEDULED"
    return TimelineEntry(
        task_id=f"id-{reference}",
        reference=reference,
        task_type=reference,
        number=1,
        status=status,
        began=began,
        seconds=1.5,
        waited=0.1,
        reason=reason,
        optional=False,
        cost=Cost(),
        failed=bool(reason),
    )


def timeline(*attempts: TimelineEntry, status: str = "COMPLETED", cause: str = "") -> Timeline:
    return Timeline(
        workflow_id="workflow-1",
        name="diarization_pipeline",
        status=status,
        seconds=10.0,
        attempts=attempts,
        cost=None,
        cause=cause,
    )


def every_status(text: str = "S3 answered 503") -> RunEnded:
    """Return a failed run with a check of every status and an attempt of every kind."""
    checks = (
        Check("words.complete", True, "121 of 121 words, each once"),
        Check("storage.keys", False, f"missing: {text}"),
        Check("database.events", False, "not visible: none are kept", "events", True),
        Check("database.result", False, "not judged: no rows", "rows"),
    )
    attempts = (attempt("get_recording"), attempt("pad_track_0", 2.0, reason=text))
    lines = timeline(*attempts, attempt("finalize", None), status="FAILED", cause=f"pad: {text}")
    return replace(ended(*checks, status="FAILED"), fleet="acme", timeline=lines)


def interrupted() -> RunEnded:
    return replace(ended(), status="", workflow_id="", interrupted="the fleet died\nHint: buy one")
