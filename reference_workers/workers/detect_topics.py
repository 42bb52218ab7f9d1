"""Detect the topics of the meeting (contract: contracts/tasks/detect_topics.yaml)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from reference_workers.context import Context
from trackproof.contracts.load import load_contracts

WORDS_PER_CHUNK = int(load_contracts().tasks["detect_topics"].constants["words_per_call"])

_SCHEMA = {
    "type": "object",
    "required": ["title", "summary"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200},
        "summary": {"type": "string", "minLength": 1},
    },
}

_PROMPT = """\
Name the topic of this part of a meeting and sum it up in a few sentences.
Answer in the language {language!r}.

{text}
"""


def detect_topics(
    context: Context,
    *,
    words: Sequence[Mapping[str, Any]],
    transcript_id: str,
    target_language: str,
) -> dict[str, Any]:
    """Return one topic for each chunk of words; one LLM call each."""
    topics = []
    for first in range(0, len(words), WORDS_PER_CHUNK):
        chunk = words[first : first + WORDS_PER_CHUNK]
        text = " ".join(word["word"] for word in chunk)
        prompt = _PROMPT.format(language=target_language, text=text)
        answer = context.ask_llm("detect_topics", prompt, name="topic", schema=_SCHEMA)
        start = chunk[0]["start"]
        topics.append(
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{transcript_id}/topics/{first}")),
                "title": answer["title"],
                "summary": answer["summary"],
                "timestamp": start,
                "duration": max(word["end"] for word in chunk) - start,
            }
        )
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.topics = topics
        for topic in topics:
            unit.emit("TOPIC", topic)
    return {"topics": topics}
