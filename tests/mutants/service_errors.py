"""Mutants of the errors of outside services: each misjudges the failures of one task's service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reference_workers.errors import PermanentError, TransientError
from reference_workers.workers import Worker
from tests.mutants.model import Mutant
from tests.mutants.patches import around

Made = Callable[[Worker], Worker]

OUTSIDE_TASKS = (
    "get_participants",
    "transcribe_track",
    "detect_topics",
    "generate_title",
    "generate_summary",
    "post_zulip",
)

EMPTY: dict[str, dict[str, Any]] = {
    "get_participants": {"participants": []},
    "transcribe_track": {"words": [], "track_index": 0},
    "detect_topics": {"topics": []},
    "generate_summary": {"summary": "", "short_summary": ""},
    "post_zulip": {"message_id": None},
}
"""Outputs of a task that did nothing."""


def is_outage(error: TransientError) -> bool:
    return "no answer" in str(error) or "answered" in str(error)


def outage_is_final(work: Worker) -> Worker:
    def final(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except TransientError as error:
            raise (PermanentError if is_outage(error) else TransientError)(str(error)) from error

    return final


def outage_is_empty(work: Worker, output: dict[str, Any]) -> Worker:
    def empty(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except TransientError:
            return output

    return empty


def refusal_is_retried(work: Worker) -> Worker:
    def retried(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except PermanentError as error:
            raise TransientError(str(error)) from error

    return retried


def other_shape_is_final(work: Worker) -> Worker:
    def final(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except TransientError as error:
            raise (TransientError if is_outage(error) else PermanentError)(str(error)) from error

    return final


def _mutant(task: str, clause: str, name: str, text: str, make: Made) -> Mutant:
    killer = f"{task}.{clause}"
    return Mutant(f"{task}.{name}", task, text, (killer,), partial(around, task, make))


SERVICE_MUTANTS = (
    *(
        _mutant(
            task,
            "transient-errors",
            "outage-final",
            "An outage of the service fails the task terminally.",
            outage_is_final,
        )
        for task in OUTSIDE_TASKS
    ),
    *(
        _mutant(
            task,
            "transient-errors",
            "outage-taken-for-nothing",
            "An outage of the service is taken for an empty result.",
            partial(outage_is_empty, output=output),
        )
        for task, output in EMPTY.items()
    ),
    *(
        _mutant(
            task,
            "permanent-errors",
            "refusal-retried",
            "A refusal by the service is retried.",
            refusal_is_retried,
        )
        for task in OUTSIDE_TASKS
    ),
    *(
        _mutant(
            task,
            "other-shape",
            "other-shape-final",
            "An answer of another shape fails the task terminally.",
            other_shape_is_final,
        )
        for task in ("get_recording", *OUTSIDE_TASKS[:-1])
    ),
)
"""For each task that calls an outside service, each way to misjudge its failures."""
