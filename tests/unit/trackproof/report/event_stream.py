"""A scripted run, as its stream of events tells it."""

from __future__ import annotations

from trackproof.events.runs import Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.steps import StepState
from trackproof.events.stream import Event, Note


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


def held_run() -> list[Event]:
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
        Check("steps.order", True, "as in the seed"),
        Check("mixdown.words", False, "there is no mixdown"),
    )
    return [
        started(),
        StepsSeen(steps),
        *checks,
        ended(*checks, status="FAILED", steps=steps),
    ]
