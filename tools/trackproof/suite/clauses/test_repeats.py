"""Clause `<task>.repeat`: a second run of the same input changes nothing.

Tasks that have a clause of their own for this (`.idempotent`, `.updates`) are left out.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input, without_signatures
from trackproof.suite.clauses.outside_calls import FINISHED, fresh_seed
from trackproof.suite.clauses.storage import stored_objects
from trackproof.suite.harness import Harness
from trackproof.suite.run_rules.effects import columns
from trackproof.wait import wait_until

TASKS = (
    "get_recording",
    "get_participants",
    "generate_dynamic_fork_tasks",
    "pad_track",
    "mixdown_tracks",
    "generate_waveform",
    "transcribe_track",
    "merge_transcripts",
    "detect_topics",
    "generate_title",
    "generate_summary",
    "send_webhook",
)

PAID = frozenset({"modal", "llm"})
"""Services whose answers are cached."""


def columns_of(run: TaskRun) -> dict[str, Any]:
    """Return the columns of the transcript's row that the task writes."""
    return {name: run.transcript.get(name) for name in columns(run.task)}


def delivered(run: TaskRun) -> dict[str, Any]:
    """Return the payload of the only delivery, without what may change meanwhile.

    That is the time of its sending, and the status: a fleet may follow its workflows' status.
    """
    bodies = [one.json for one in run.requests_to("webhook")]
    expect(len(bodies), "number of deliveries").equals(1)
    payload = {name: value for name, value in (bodies[0] or {}).items() if name != "timestamp"}
    if isinstance(transcript := payload.get("transcript"), dict):
        payload["transcript"] = {**transcript, "status": None}
    return payload


@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=pytest.mark.clause(f"{task}.repeat")) for task in TASKS]
)
def test_a_second_run_has_the_same_result(task: str, harness: Harness) -> None:
    seed = fresh_seed() if task == "transcribe_track" else 0
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2], seed=seed, **FINISHED)
    payload = valid_input(harness, task, meeting)
    first = harness.run_task(task, payload)
    objects = stored_objects(harness)

    if task == "send_webhook":  # its timestamp has whole seconds
        ended = int(time.time())
        wait_until(lambda: int(time.time()) > ended, what="the next second", timeout=5)

    second = harness.run_task(task, payload)

    expect([first.statuses, second.statuses], "attempt statuses of both runs").equals(
        [["COMPLETED"], ["COMPLETED"]]
    )
    expect(without_signatures(second.output), "output of the second run").equals(
        without_signatures(first.output)
    )
    if harness.fleet.exposes_rows:
        expect(columns_of(second), "row after the second run").equals(columns_of(first))
    new = sorted(f"{one.bucket}/{one.key}" for one in second.written - objects)
    expect(new, "objects that only the second run wrote").equals([])
    expect(len(second.deleted), "objects that the second run deleted").equals(0)
    if task == "send_webhook":
        expect(delivered(second), "payload of the second run").equals(delivered(first))
    paid = [one.service for one in second.requests if one.service in PAID]
    expect(paid, "calls whose answers are cached").equals([])
