"""Bodies of OpenAI's Responses API, which newer clients use instead of chat completions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.testbed.stand_ins.llm_answers.chat_request import ChatRequest
from trackproof.testbed.stand_ins.llm_answers.completion_body import head, pieces, usage

Event = tuple[str, dict[str, Any]]


def response_document(request: ChatRequest, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response whose output is `message`."""
    identity = head(request, message, "resp", "response")
    counted = usage(request, message)
    return {
        "id": identity["id"].replace("-", "_"),
        "object": "response",
        "created_at": identity["created"],
        "model": request.model,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": list(_output(message)),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": {
            "input_tokens": counted["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": counted["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": counted["total_tokens"],
        },
    }


def response_events(request: ChatRequest, message: Mapping[str, Any]) -> bytes:
    """Return the same response as server-sent events, in pieces."""
    document = response_document(request, message)
    started = {**document, "status": "in_progress", "output": [], "usage": None}
    events: list[Event] = [("response.created", {"response": started})]
    for index, item in enumerate(document["output"]):
        place = {"item_id": item["id"], "output_index": index}
        steps = _text_steps(item) if item["type"] == "message" else _call_steps(item)
        events += [(name, {**place, **step}) for name, step in steps]
    events.append(("response.completed", {"response": document}))
    lines = [
        f"event: {name}\ndata: {json.dumps({'type': name, 'sequence_number': number, **content})}"
        for number, (name, content) in enumerate(events)
    ]
    return "".join(f"{line}\n\n" for line in lines).encode()


def _output(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for call in message.get("tool_calls", []):
        yield {
            "type": "function_call",
            "id": f"fc_{call['id']}",
            "call_id": call["id"],
            "status": "completed",
            **call["function"],
        }
    if message["content"] is not None:
        text = {"type": "output_text", "text": message["content"], "annotations": []}
        yield {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [text],
        }


def _text_steps(item: Mapping[str, Any]) -> Iterator[Event]:
    (part,) = item["content"]
    place = {"content_index": 0}
    yield "response.output_item.added", {"item": {**item, "status": "in_progress", "content": []}}
    yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**place, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**place, "part": part}
    yield "response.output_item.done", {"item": item}


def _call_steps(item: Mapping[str, Any]) -> Iterator[Event]:
    arguments = item["arguments"]
    added = {**item, "status": "in_progress", "arguments": ""}
    yield "response.output_item.added", {"item": added}
    for piece in pieces(arguments):
        yield "response.function_call_arguments.delta", {"delta": piece}
    yield "response.function_call_arguments.done", {"arguments": arguments, "name": item["name"]}
    yield "response.output_item.done", {"item": item}
