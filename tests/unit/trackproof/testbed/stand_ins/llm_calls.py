"""Requests to the LLM stand-in."""

from __future__ import annotations

from typing import Any

import httpx

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import StandIns

PROMPT = "Ada: the albatross budget. Bob: the launch of Bergamot, and the budget."
RECAP = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "summary": {"type": "string"},
        "subjects": {"type": "array", "items": {"type": "string"}, "maxItems": 6},
        "mood": {"enum": ["good", "bad"]},
    },
    "required": ["title", "summary", "subjects"],
    "additionalProperties": False,
}


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": RECAP}}
    for name in ("note", "recap")
]


def complete(
    stand_ins: StandIns,
    caller: Caller,
    prompt: Any = PROMPT,
    path: str = "/chat/completions",
    **options: Any,
) -> httpx.Response:
    """Send one prompt as the user."""
    body = {"model": "some/model", "messages": [{"role": "user", "content": prompt}], **options}
    return caller.call(
        "llm", "POST", path, json=body, headers=bearer(stand_ins.credentials.llm_key)
    )


def text_of(answer: httpx.Response) -> str:
    """Return the text of a successful response."""
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


def recap_format() -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "Recap", "schema": RECAP}}
