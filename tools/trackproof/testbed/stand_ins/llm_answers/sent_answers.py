"""Reads texts back out of the LLM stand-in's responses, whatever the caller requested."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any


def answer_texts(response: str | bytes) -> list[str]:
    """Return the content of a response, or the arguments of each call in it.

    Understands chat and text completions and responses, as one document or as server-sent events.
    """
    text = response if isinstance(response, str) else response.decode()
    if text.startswith("event:"):
        *_, last = (line for line in text.splitlines() if line.startswith("data:"))
        return _outputs(json.loads(last.removeprefix("data:"))["response"])
    if not text.startswith("data:"):
        document = json.loads(text)
        if "output" in document:
            return _outputs(document)
        choice = document["choices"][0]
        return [part for _, part in _parts(choice.get("message", choice))]
    joined: dict[int, str] = defaultdict(str)
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if not data or data == "[DONE]":
            continue
        for choice in json.loads(data)["choices"]:
            for position, part in _parts(choice.get("delta", choice)):
                joined[position] += part
    return [joined[position] for position in sorted(joined)]


def _outputs(response: Mapping[str, Any]) -> list[str]:
    """Return the texts and arguments in the output of the Responses API."""
    texts = []
    for item in response["output"]:
        if item["type"] == "function_call":
            texts.append(item["arguments"])
        else:
            texts += [part["text"] for part in item["content"]]
    return texts


def _parts(message: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield positions and texts of a message or of a piece of one."""
    for position, call in enumerate(message.get("tool_calls") or []):
        yield call.get("index", position), call["function"]["arguments"]
    if message.get("function_call"):
        yield 0, message["function_call"]["arguments"]
    content = message.get("content") or message.get("text")
    if content:
        yield 0, content
