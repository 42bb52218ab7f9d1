"""Generate the meeting's title (contract: contracts/tasks/generate_title.yaml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_workers.context import Context
from trackproof.contracts.load import load_contracts

UNTITLED = str(load_contracts().tasks["generate_title"].constants["title_without_topics"])

_SCHEMA = {
    "type": "object",
    "required": ["title"],
    "additionalProperties": False,
    "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 200}},
}

_PROMPT = """\
Write a short title for a meeting with these topics:

{topics}
"""


def generate_title(
    context: Context, *, topics: Sequence[Mapping[str, Any]], transcript_id: str
) -> dict[str, Any]:
    """Return the title; without topics it is the untitled default, and no LLM is called."""
    title = _title(context, topics) if topics else UNTITLED
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.title = title
        unit.emit("FINAL_TITLE", {"title": title})
    return {"title": title}


def _title(context: Context, topics: Sequence[Mapping[str, Any]]) -> str:
    listed = "\n".join(f"- {topic['title']}: {topic['summary']}" for topic in topics)
    prompt = _PROMPT.format(topics=listed)
    return str(context.ask_llm("generate_title", prompt, name="title", schema=_SCHEMA)["title"])
