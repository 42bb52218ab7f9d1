"""Clause pipeline.payloads: a large meeting stays below the server's limits for payloads."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from trackproof.runs.pipeline_run import PipelineRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import run_meetings

TRACKS, WORDS, LETTERS = 12, 600, 200
"""Tracks, words of each track, and letters of each word."""

TASK_BYTES, WORKFLOW_BYTES = 3_072 * 1024, 5_120 * 1024
"""Conductor's default thresholds for payloads of tasks and workflows. Beyond them a server without
an external store hands on nothing."""

STEP_SECONDS: Final = 0.5
"""From the start of a word to that of the next one."""


def long_words() -> list[dict[str, Any]]:
    """Return words as the transcription service does."""
    return [
        {
            "word": f"w{nth}".ljust(LETTERS, "x"),
            "start": nth * STEP_SECONDS,
            "end": nth * STEP_SECONDS + STEP_SECONDS / 2,
        }
        for nth in range(WORDS)
    ]


def too_large(run: PipelineRun) -> dict[str, int]:
    """Return the size in bytes of every payload beyond its limit."""
    sizes = {
        f"{side} of {task['referenceTaskName']}": (size_of(task.get(key)), TASK_BYTES)
        for task in run.workflow["tasks"]
        for side, key in (("input", "inputData"), ("output", "outputData"))
    }
    for side in ("input", "output"):
        sizes[f"{side} of the workflow"] = size_of(run.workflow.get(side)), WORKFLOW_BYTES
    return {name: size for name, (size, limit) in sizes.items() if size > limit}


def size_of(payload: Any) -> int:
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.clause("pipeline.payloads")
def test_large_meeting_stays_below_the_servers_limits(harness: Harness) -> None:
    meeting = harness.meeting(tracks=TRACKS, offsets=[0] * TRACKS, seconds=4, seed=231)
    harness.break_service("modal", body=json.dumps({"text": "", "words": long_words()}))

    run = run_meetings(harness, {"large meeting": meeting})["large meeting"]

    harness.runs.append(run.as_task_run())
    expect(run.status, "status of the workflow").equals("COMPLETED")
    merged = (run.evidence.task("merge_transcripts") or {}).get("outputData") or {}
    expect(merged.get("word_count"), "word_count").equals(TRACKS * WORDS)
    expect(len(merged.get("all_words") or ()), "words handed on").equals(TRACKS * WORDS)
    expect(too_large(run), "bytes of each payload beyond its limit").equals({})
