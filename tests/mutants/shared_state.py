"""Mutants of what meetings share: cache keys, and variables of the process."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from reference_workers.workers import Worker
from tests.mutants.model import Mutant
from tests.mutants.patches import around, replace

Key = Callable[[str, Sequence[str]], str]
Change = Callable[[Sequence[str]], Sequence[str]]

RACE_SECONDS = 0.5
"""Time in which a second meeting overwrites the variable of the first."""


def change_key(task: str, change: Change) -> None:
    """Derive the cache keys of one task from a changed identity."""

    def make(key: Key) -> Key:
        return lambda kind, identity: key(kind, change(identity) if kind == task else identity)

    replace("platform.state.cache", "cache_key", make)


def without(index: int) -> Change:
    return lambda identity: [part for n, part in enumerate(identity) if n != index]


def without_end(identity: Sequence[str]) -> Sequence[str]:
    model, prompt, *more = identity
    return [model, re.sub(r"\S+\s*$", "", prompt), *more]


def with_run(identity: Sequence[str]) -> Sequence[str]:
    return [*identity, uuid.uuid4().hex]


def latest_meeting(work: Worker) -> Worker:
    latest: dict[str, str] = {}

    def mixed(context: Any, *, transcript_id: str, **inputs: Any) -> dict[str, Any]:
        latest["id"] = transcript_id
        time.sleep(RACE_SECONDS)
        return work(context, transcript_id=latest["id"], **inputs)

    return mixed


def _key(task: str, name: str, text: str, change: Change) -> Mutant:
    killer = f"{task}.cache-key"
    return Mutant(f"{task}.{name}", task, text, (killer,), partial(change_key, task, change))


LLM_TASKS = ("detect_topics", "generate_title", "generate_summary")

SHARED_STATE_MUTANTS = (
    _key("transcribe_track", "key-without-audio", "Tracks share their transcription.", without(0)),
    _key(
        "transcribe_track", "key-without-language", "Languages share a transcription.", without(1)
    ),
    *(
        _key(task, "key-without-end", "The end of the prompt is no part of the key.", without_end)
        for task in LLM_TASKS
    ),
    *(
        _key(task, "key-with-run", "Every run pays for its answer again.", with_run)
        for task in ("transcribe_track", *LLM_TASKS)
    ),
    *(
        Mutant(
            f"{task}.latest-meeting",
            task,
            "The transcript's id is kept in a variable of the process.",
            (f"{task}.own-meeting",),
            partial(around, task, latest_meeting),
        )
        for task in ("merge_transcripts", *LLM_TASKS, "finalize")
    ),
)
"""For each task with a cache or a row, each way to mix up meetings."""
