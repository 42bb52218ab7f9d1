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
        **_head(request, message, "chatcmpl", "chat.completion"),
        "choices": [choice],
        "usage": _usage(request, message),
    }


def chat_events(request: ChatRequest, message: Mapping[str, Any]) -> bytes:
    """Return the same completion as server-sent events, in pieces."""
    head = _head(request, message, "chatcmpl", "chat.completion.chunk")
    deltas = [{"role": "assistant", "content": None if _calls(message) else ""}]
    deltas += _deltas(message)
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": _finish_reason(message)})
    return _events(request, message, head, choices)


def text_document(request: ChatRequest, text: str) -> dict[str, Any]:
    """Return a text completion."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
    return {
        **_head(request, text, "cmpl", "text_completion"),
        "choices": [choice],
        "usage": _usage(request, text),
    }


def text_events(request: ChatRequest, text: str) -> bytes:
    """Return the same completion as server-sent events, in pieces."""
    head = _head(request, text, "cmpl", "text_completion")
    pieces = list(_pieces(text))
    choices = [
        {
            "index": 0,
            "text": piece,
            "logprobs": None,
            "finish_reason": "stop" if number == len(pieces) else None,
        }
        for number, piece in enumerate(pieces, 1)
    ]
    return _events(request, text, head, choices)


def _events(
    request: ChatRequest, answer: Any, head: Mapping[str, Any], choices: list[dict[str, Any]]
) -> bytes:
    usage = {"usage": None} if request.streams_usage else {}
    chunks = [{**head, "choices": [choice], **usage} for choice in choices]
    if request.streams_usage:
        chunks.append({**head, "choices": [], "usage": _usage(request, answer)})
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in (*lines, "[DONE]")).encode()


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in _pieces(message.get("content") or ""):
        yield {"content": piece}
    call = message.get("function_call")
    if call:
        yield {"function_call": {**call, "arguments": ""}}
        for piece in _pieces(call["arguments"]):
            yield {"function_call": {"arguments": piece}}
    for index, tool_call in enumerate(message.get("tool_calls", [])):
        function = tool_call["function"]
        yield {
            "tool_calls": [{**tool_call, "index": index, "function": {**function, "arguments": ""}}]
        }
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE_LENGTH):
        yield text[start : start + _PIECE_LENGTH]


def _calls(message: Mapping[str, Any]) -> bool:
    return "tool_calls" in message or "function_call" in message


def _finish_reason(message: Mapping[str, Any]) -> str:
    if "tool_calls" in message:
        return "tool_calls"
    return "function_call" if "function_call" in message else "stop"


def _head(request: ChatRequest, answer: Any, prefix: str, kind: str) -> dict[str, Any]:
    content = json.dumps([request.model, request.texts, answer], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {
        "id": f"{prefix}-{digest[:24]}",
        "object": kind,
        "created": int(time.time()),
        "model": request.model,
    }


def _usage(request: ChatRequest, answer: Any) -> dict[str, int]:
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
