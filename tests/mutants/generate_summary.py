"""Mutants of generate_summary."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.models import Transcript
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_column,
    change_event,
    change_input,
    change_output,
    drop_event,
    replace,
)

TASK = "generate_summary"

mutant = Collection(TASK)


@mutant("long")
def recap_for_both() -> None:
    """The long summary equals the short one."""
    change_output(TASK, lambda out: out.update(summary=out["short_summary"]))


@mutant("long", "calls")
def first_subject_only() -> None:
    """The long summary covers only the first subject."""

    def make(ask: Any) -> Any:
        def single(
            self: Any, prompt: str, *, name: str, schema: dict[str, Any], **more: Any
        ) -> Any:
            answer = ask(self, prompt, name=name, schema=schema, **more)
            if name == "subjects":
                answer["subjects"] = answer["subjects"][:1]
            return answer

        return single

    replace("services.llm:LLM", "complete", make)


@mutant("short")
def long_for_both() -> None:
    """The short summary equals the long one."""
    change_output(TASK, lambda out: out.update(short_summary=out["summary"]))


@mutant("short")
def no_recap() -> None:
    """The short summary is empty."""
    change_output(TASK, lambda out: out.update(short_summary=""))


@mutant("long-event")
def long_event_forgotten() -> None:
    """FINAL_LONG_SUMMARY is never emitted."""
    drop_event("FINAL_LONG_SUMMARY")


@mutant("long-event")
def long_event_null() -> None:
    """FINAL_LONG_SUMMARY has null as its long_summary."""
    change_event("FINAL_LONG_SUMMARY", lambda data: {**data, "long_summary": None})


@mutant("short-event")
def short_event_forgotten() -> None:
    """FINAL_SHORT_SUMMARY is never emitted."""
    drop_event("FINAL_SHORT_SUMMARY")


@mutant("stored")
def long_summary_not_stored() -> None:
    """The long summary is not stored."""
    change_column(Transcript.long_summary, lambda _: None)


@mutant("stored")
def short_summary_not_stored() -> None:
    """The short summary is not stored."""
    change_column(Transcript.short_summary, lambda _: None)


def _ask_again_after(name_asked: str) -> None:
    def make(ask: Any) -> Any:
        def more_often(self: Any, prompt: str, *, name: str, **more: Any) -> Any:
            if name == name_asked:
                ask(self, prompt, name=name, **more)
            return ask(self, prompt, name=name, **more)

        return more_often

    replace("services.llm:LLM", "complete", make)


@mutant("calls")
def recap_asked_twice() -> None:
    """The LLM is called twice for the recap."""
    _ask_again_after("recap")


@mutant("calls")
def every_detail_asked_twice() -> None:
    """The LLM is called three times for each subject."""
    _ask_again_after("detail")


@mutant("large-meeting")
def end_of_a_long_meeting_lost() -> None:
    """Only the first 5,000 words are summarized."""
    change_input(TASK, lambda given: given.update(words=given["words"][:5_000]))


@mutant("stored", "long-event", "short-event")
def null_everywhere() -> None:
    """Both summaries are null in the output, in the row and in the events."""
    replace("executor", "check", lambda _: lambda *_: None)

    def nothing(context: Any, *, transcript_id: str, **_: Any) -> dict[str, Any]:
        with context.unit_of_work(transcript_id) as unit:
            unit.emit("FINAL_LONG_SUMMARY", {"long_summary": None})
            unit.emit("FINAL_SHORT_SUMMARY", {"short_summary": None})
        return {"summary": None, "short_summary": None}

    around(TASK, lambda _: nothing)
