"""Summarize the meeting (contract: contracts/tasks/generate_summary.yaml).

Makes 2 + 2·M LLM calls: the M subjects, the recap, and for each subject its details and a
paragraph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from reference_workers.context import Context
from trackproof.contracts.load import load_contracts

MAX_SUBJECTS = int(load_contracts().tasks["generate_summary"].constants["most_subjects"])

_TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}},
}

_SUBJECTS = {
    "type": "object",
    "required": ["subjects"],
    "additionalProperties": False,
    "properties": {
        "subjects": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "minLength": 1},
        }
    },
}


def generate_summary(
    context: Context,
    *,
    words: Sequence[Mapping[str, Any]],
    topics: Sequence[Mapping[str, Any]],
    transcript_id: str,
) -> dict[str, Any]:
    """Return the long summary (Markdown) and the short one; both empty without words."""
    long_summary, recap = _summaries(context, words, topics) if words else ("", "")
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.long_summary = long_summary
        unit.transcript.short_summary = recap
        unit.emit("FINAL_LONG_SUMMARY", {"long_summary": long_summary})
        unit.emit("FINAL_SHORT_SUMMARY", {"short_summary": recap})
    return {"summary": long_summary, "short_summary": recap}


def _summaries(
    context: Context, words: Sequence[Mapping[str, Any]], topics: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    ask = partial(context.ask_llm, "generate_summary")
    listed = "\n".join(f"- {topic['title']}: {topic['summary']}" for topic in topics)
    meeting = f"Topics:\n{listed}\n\nTranscript:\n{_dialogue(words)}"

    prompt = f"List the main subjects of this meeting, {MAX_SUBJECTS} at most.\n\n{meeting}"
    listed_subjects = ask(prompt, name="subjects", schema=_SUBJECTS)["subjects"]
    # A model may list more than it should, or one twice: no reason to lose the meeting.
    subjects = list(dict.fromkeys(listed_subjects))[:MAX_SUBJECTS]
    prompt = f"Recap this meeting in a few sentences.\n\n{meeting}"
    recap = ask(prompt, name="recap", schema=_TEXT)["text"]

    paragraphs = []
    for subject in subjects:
        prompt = f"Say in detail what was said about {subject!r}.\n\n{meeting}"
        detail = ask(prompt, name="detail", schema=_TEXT)["text"]
        prompt = f"Turn these details about {subject!r} into one paragraph.\n\n{detail}"
        paragraph = ask(prompt, name="paragraph", schema=_TEXT)["text"]
        paragraphs.append(f"**{subject}**\n\n{paragraph}")
    return "\n\n".join([f"**Quick recap**\n\n{recap}", "**Summary**", *paragraphs]), recap


def _dialogue(words: Sequence[Mapping[str, Any]]) -> str:
    """Return the words as text, with a new line at each change of speaker."""
    turns = groupby(words, key=lambda word: word["speaker"])
    return "\n".join(
        " ".join([f"Speaker {speaker}:", *(word["word"] for word in turn)])
        for speaker, turn in turns
    )
