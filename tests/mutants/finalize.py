"""Mutants of finalize."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.models import Transcript
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_column,
    change_event,
    change_input,
    drop_event,
)

TASK = "finalize"

mutant = Collection(TASK)


@mutant("status")
def status_stays() -> None:
    """The status never becomes ended."""
    change_column(Transcript.status, lambda status: "processing" if status == "ended" else status)


@mutant("status")
def another_word_for_ended() -> None:
    """The status becomes completed, a value outside the schema."""
    change_column(Transcript.status, lambda status: "completed" if status == "ended" else status)


@mutant("persists")
def summaries_swapped() -> None:
    """The long and the short summary are stored in each other's column."""

    def swapped(given: dict[str, Any]) -> None:
        given.update(summary=given["short_summary"], short_summary=given["summary"])

    change_input(TASK, swapped)


@mutant("persists")
def duration_in_milliseconds() -> None:
    """The duration is stored in milliseconds."""
    change_column(Transcript.duration, lambda seconds: seconds * 1000)


@mutant("persists")
def title_kept_as_it_was() -> None:
    """The title is not stored."""
    change_column(Transcript.title, lambda _: None)


@mutant("event")
def event_forgotten() -> None:
    """STATUS is never emitted."""
    drop_event("STATUS")


@mutant("event")
def event_says_processing() -> None:
    """The STATUS event has the value processing."""
    change_event("STATUS", lambda data: {**data, "value": "processing"})


@mutant("event")
def event_without_result() -> None:
    """STATUS is emitted with ended although the result is not stored."""

    def hasty(context: Any, *, transcript_id: str, **_: Any) -> dict[str, Any]:
        with context.clients.state.unit_of_work(transcript_id) as unit:
            unit.emit("STATUS", {"value": "ended"})
        return {"status": "COMPLETED"}

    around(TASK, lambda _: hasty)


@mutant("idempotent")
def ends_twice() -> None:
    """A second run emits STATUS again."""

    def make(work: Worker) -> Worker:
        def forgetful(context: Any, **inputs: Any) -> dict[str, Any]:
            with context.clients.state.unit_of_work(inputs["transcript_id"]) as unit:
                unit.transcript.status = "processing"
            return work(context, **inputs)

        return forgetful

    around(TASK, make)


@mutant("idempotent")
def second_run_fails() -> None:
    """A second run fails."""

    def make(work: Worker) -> Worker:
        def strict(context: Any, **inputs: Any) -> dict[str, Any]:
            if context.clients.state.transcript(inputs["transcript_id"]).status == "ended":
                raise ValueError("ended already")
            return work(context, **inputs)

        return strict

    around(TASK, make)


@mutant("large-meeting")
def summary_cut_to_its_column() -> None:
    """The long summary is cut to 65,535 characters."""
    change_column(Transcript.long_summary, lambda text: text and text[:65_535])
