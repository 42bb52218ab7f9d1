"""Bodies of completions: a JSON document, or server-sent events for callers that stream."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from trackproof.testbed.stand_ins.llm_answers.chat_request import ChatRequest

_PIECE_LENGTH: Final = 24
"""Characters in one event."""


def chat_document(request: ChatRequest, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chat completion whose answer is `message`."""
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(message)}
    return {
        **head(request, message, "chatcmpl", "chat.completion"),
        "choices": [choice],
        "usage": usage(request, message),
    }


def chat_events(request: ChatRequest, message: Mapping[str, Any]) -> bytes:
    """Return the same completion as server-sent events, in pieces."""
    start = head(request, message, "chatcmpl", "chat.completion.chunk")
    deltas = [{"role": "assistant", "content": None if _calls(message) else ""}]
    deltas += _deltas(message)
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": _finish_reason(message)})
    return _events(request, message, start, choices)


def text_document(request: ChatRequest, text: str) -> dict[str, Any]:
    """Return a text completion."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
    return {
        **head(request, text, "cmpl", "text_completion"),
        "choices": [choice],
        "usage": usage(request, text),
    }


def text_events(request: ChatRequest, text: str) -> bytes:
    """Return the same completion as server-sent events, in pieces."""
    start = head(request, text, "cmpl", "text_completion")
    parts = list(pieces(text))
    choices = [
        {
            "index": 0,
            "text": piece,
            "logprobs": None,
            "finish_reason": "stop" if number == len(parts) else None,
        }
        for number, piece in enumerate(parts, 1)
    ]
    return _events(request, text, start, choices)


def _events(
    request: ChatRequest, answer: Any, start: Mapping[str, Any], choices: list[dict[str, Any]]
) -> bytes:
    uncounted = {"usage": None} if request.streams_usage else {}
    chunks = [{**start, "choices": [choice], **uncounted} for choice in choices]
    if request.streams_usage:
        chunks.append({**start, "choices": [], "usage": usage(request, answer)})
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in (*lines, "[DONE]")).encode()


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in pieces(message.get("content") or ""):
        yield {"content": piece}
    call = message.get("function_call")
    if call:
        yield {"function_call": {**call, "arguments": ""}}
        for piece in pieces(call["arguments"]):
            yield {"function_call": {"arguments": piece}}
    for index, tool_call in enumerate(message.get("tool_calls", [])):
        function = tool_call["function"]
        yield {
            "tool_calls": [{**tool_call, "index": index, "function": {**function, "arguments": ""}}]
        }
        for piece in pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def pieces(text: str) -> Iterator[str]:
    """Yield the text in the pieces that a stream has."""
    for first in range(0, len(text), _PIECE_LENGTH):
        yield text[first : first + _PIECE_LENGTH]


def _calls(message: Mapping[str, Any]) -> bool:
    return "tool_calls" in message or "function_call" in message


def _finish_reason(message: Mapping[str, Any]) -> str:
    if "tool_calls" in message:
        return "tool_calls"
    return "function_call" if "function_call" in message else "stop"


def head(request: ChatRequest, answer: Any, prefix: str, kind: str) -> dict[str, Any]:
    """Return the first fields of a body; the id is the same for the same request and answer."""
    content = json.dumps([request.model, request.texts, answer], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {
        "id": f"{prefix}-{digest[:24]}",
        "object": kind,
        "created": int(time.time()),
        "model": request.model,
    }


def usage(request: ChatRequest, answer: Any) -> dict[str, int]:
    """Count the tokens of a request and its answer."""
    prompt_tokens = sum(_tokens(text) for text in request.texts)
    completion_tokens = _tokens(json.dumps(answer))
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _tokens(text: str) -> int:
    """Count tokens roughly: four characters each."""
    return -(-len(text) // 4)
