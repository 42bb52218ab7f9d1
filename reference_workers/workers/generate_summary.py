"""Sum the meeting up (contract: contracts/tasks/generate_summary.yaml).

The LLM is called 2 + 2·M times: once for the M subjects, once for the recap, and for each
subject once for its details and once to turn them into a paragraph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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
            "maxItems": MAX_SUBJECTS,
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
    """Return the long summary (Markdown) and the short one; both empty if nobody spoke."""
    long_summary, recap = _ask(context, words, topics) if words else ("", "")
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.long_summary = long_summary
        unit.transcript.short_summary = recap
        unit.emit("FINAL_LONG_SUMMARY", {"long_summary": long_summary})
        unit.emit("FINAL_SHORT_SUMMARY", {"short_summary": recap})
    return {"summary": long_summary, "short_summary": recap}


def _ask(
    context: Context, words: Sequence[Mapping[str, Any]], topics: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    ask = partial(context.ask_llm, "generate_summary")
    listed = "\n".join(f"- {topic['title']}: {topic['summary']}" for topic in topics)
    meeting = f"Topics:\n{listed}\n\nTranscript:\n{_spoken(words)}"

    prompt = f"List the main subjects of this meeting, {MAX_SUBJECTS} at most.\n\n{meeting}"
    listed_subjects = ask(prompt, name="subjects", schema=_SUBJECTS)["subjects"]
    subjects = list(dict.fromkeys(listed_subjects))  # listed twice, it is one
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


def _spoken(words: Sequence[Mapping[str, Any]]) -> str:
    """Return the words as lines, a new line whenever the speaker changes."""
    lines: list[str] = []
    speaker = None
    for word in words:
        if word["speaker"] != speaker:
            speaker = word["speaker"]
            lines.append(f"Speaker {speaker}:")
        lines[-1] += f" {word['word']}"
    return "\n".join(lines)
