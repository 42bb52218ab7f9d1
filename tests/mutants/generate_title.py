"""Mutants of generate_title."""

from __future__ import annotations

import json
import re
from typing import Any

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.state.models import Transcript
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_column,
    change_event,
    change_input,
    drop_event,
    replace,
)

TASK = "generate_title"

mutant = Collection(TASK)


@mutant("from-topics")
def first_topic_only() -> None:
    """The prompt contains only the first topic."""
    change_input(TASK, lambda given: given.update(topics=given["topics"][:1]))


@mutant("from-topics")
def summaries_withheld() -> None:
    """The prompt lacks the summaries of the topics."""

    def bare(given: dict[str, Any]) -> None:
        given["topics"] = [{**topic, "summary": ""} for topic in given["topics"]]

    change_input(TASK, bare)


@mutant("event")
def event_forgotten() -> None:
    """FINAL_TITLE is never emitted."""
    drop_event("FINAL_TITLE")


@mutant("event")
def null_title_told() -> None:
    """FINAL_TITLE has null as its title."""
    change_event("FINAL_TITLE", lambda data: {**data, "title": None})


@mutant("stored")
def title_not_stored() -> None:
    """The title is not stored."""
    change_column(Transcript.title, lambda _: None)


@mutant("untitled")
def another_name_for_none() -> None:
    """A meeting without topics has an empty title."""
    replace("workers.generate_title", "UNTITLED", lambda _: "Untitled")


@mutant("untitled")
def asks_without_topics() -> None:
    """The LLM is called for a meeting without topics."""

    def make(work: Worker) -> Worker:
        def eager(context: Any, *, topics: list[Any], transcript_id: str) -> dict[str, Any]:
            if not topics:
                context.clients.llm.complete("(no topics)", name="title", schema={"type": "object"})
            return work(context, topics=topics, transcript_id=transcript_id)

        return eager

    around(TASK, make)


@mutant("large-meeting")
def many_topics_refused() -> None:
    """More than a hundred topics fail the task."""

    def make(work: Worker) -> Worker:
        def choosy(context: Any, *, topics: list[Any], transcript_id: str) -> dict[str, Any]:
            if len(topics) > 100:
                raise PermanentError("too many topics for one prompt")
            return work(context, topics=topics, transcript_id=transcript_id)

        return choosy

    around(TASK, make)


@mutant("stored", "event")
def null_everywhere() -> None:
    """The title is null in the output, in the row and in the event."""
    replace("executor", "check", lambda _: lambda *_: None)

    def nothing(context: Any, *, transcript_id: str, **_: Any) -> dict[str, Any]:
        with context.unit_of_work(transcript_id) as unit:
            unit.emit("FINAL_TITLE", {"title": None})
        return {"title": None}

    around(TASK, lambda _: nothing)


@mutant("answer-shapes")
def only_bare_json() -> None:
    """Only an answer that is JSON from its first to its last character is taken."""

    def strict(_: Any) -> Any:
        def answer(data: dict[str, Any], schema: dict[str, Any]) -> Any:
            try:
                return json.loads(data["choices"][0]["message"]["content"])
            except (KeyError, TypeError, ValueError) as error:
                raise TransientError("the answer is no JSON") from error

        return answer

    replace("services.llm", "answer_of", strict)


@mutant("answer-shapes")
def cause_not_named() -> None:
    """Every unusable answer has the same reason."""
    replace("services.llm_answers", "_cause", lambda _: lambda *_, **__: "no JSON")


@mutant("answer-shapes")
def thoughts_taken_for_the_answer() -> None:
    """The first object counts, even if it is a part of the model's thoughts."""
    replace("services.llm_answers", "_THOUGHTS", lambda _: re.compile("$ never"))
    replace("services.llm_answers", "_objects", lambda right: lambda text: [*right(text)][:1])
