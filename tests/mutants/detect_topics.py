"""Mutants of detect_topics."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.models import Transcript
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_column,
    change_input,
    change_output,
    drop_event,
    replace,
)

TASK = "detect_topics"

mutant = Collection(TASK)


@mutant("chunks")
def word_lost_at_each_border() -> None:
    """The last word of every full chunk is dropped."""

    def holed(given: dict[str, Any]) -> None:
        given["words"] = [
            {**word, "word": "-"} if (index + 1) % 300 == 0 else word
            for index, word in enumerate(given["words"])
        ]

    change_input(TASK, holed)


@mutant("chunks")
def last_chunk_lost() -> None:
    """The words after the last full chunk are dropped."""

    def cut(given: dict[str, Any]) -> None:
        words = given["words"]
        if len(words) > 300:
            given["words"] = words[: len(words) // 300 * 300]

    change_input(TASK, cut)


@mutant("chunks")
def words_reversed() -> None:
    """The LLM gets the words in reverse order."""
    change_input(TASK, lambda given: given.update(words=given["words"][::-1]))


@mutant("calls")
def chunks_of_100() -> None:
    """Chunks have 100 words, which triples the calls."""
    replace("workers.detect_topics", "WORDS_PER_CHUNK", lambda _: 100)


@mutant("calls")
def one_call_for_all() -> None:
    """One call has all words of the meeting."""
    replace("workers.detect_topics", "WORDS_PER_CHUNK", lambda _: 1_000_000)


@mutant("calls")
def asks_about_nothing() -> None:
    """The LLM is called for a meeting without words."""

    def make(work: Worker) -> Worker:
        def eager(context: Any, *, words: list[Any], **inputs: Any) -> dict[str, Any]:
            if not words:
                context.clients.llm.complete("(silence)", name="topic", schema={"type": "object"})
            return work(context, words=words, **inputs)

        return eager

    around(TASK, make)


@mutant("events")
def topics_untold() -> None:
    """TOPIC is never emitted."""
    drop_event("TOPIC")


@mutant("complete")
def last_topic_lost() -> None:
    """The last topic is missing from the output."""
    change_output(TASK, lambda out: out.update(topics=out["topics"][:-1]))


@mutant("complete")
def times_in_milliseconds() -> None:
    """A topic's timestamp and duration are in milliseconds."""

    def scaled(out: dict[str, Any]) -> None:
        out["topics"] = [
            {**topic, "timestamp": topic["timestamp"] * 1000} for topic in out["topics"]
        ]

    change_output(TASK, scaled)


@mutant("complete")
def all_topics_start_at_0() -> None:
    """Every topic has the timestamp 0."""

    def flat(out: dict[str, Any]) -> None:
        out["topics"] = [{**topic, "timestamp": 0} for topic in out["topics"]]

    change_output(TASK, flat)


@mutant("large-meeting")
def many_groups_left_out() -> None:
    """The words after the tenth chunk are dropped."""
    change_input(TASK, lambda given: given.update(words=given["words"][:3_000]))


@mutant("stored")
def topics_not_stored() -> None:
    """The topics are returned and broadcast but not stored."""
    change_column(Transcript.topics, lambda _: None)
