"""Requests for a completion, in the forms that OpenAI-compatible clients send.

A caller asks for JSON by `response_format`, by `tools`, by the older `functions`, or by a schema
that servers such as vLLM take (`guided_json`, `structured_outputs`). A schema in the prompt is
the subject of `prompt_schema`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from trackproof.testbed.stand_ins.llm_answers.function_choice import Function, chosen_functions
from trackproof.testbed.stand_ins.llm_answers.request_errors import BadRequestError

Wish = Literal["text", "json"]

_INSTRUCTING_ROLES: Final = frozenset({"system", "developer", "user"})


@dataclass(frozen=True)
class ChatRequest:
    """One valid request."""

    model: str
    texts: tuple[str, ...]
    """Contents of all messages."""
    instructions: str
    """Contents of the messages that may hold a schema: not answers, not results of tools."""
    functions: tuple[Function, ...]
    """Functions that the answer calls; none for an answer in text."""
    has_tools: bool
    """The functions come from `tools`, not from the older `functions`."""
    wish: Wish
    schema: Any
    """The schema outside the prompt, or None."""
    streams: bool
    streams_usage: bool


def parse_chat(content: bytes) -> ChatRequest:
    """Parse the body of a request for a chat completion.

    Raises:
        BadRequestError: The request is invalid, or asks for something that is not supported.
    """
    return _chat(_parse_body(content))


def parse_response(content: bytes) -> ChatRequest:
    """Parse the body of a request to the Responses API.

    Raises:
        BadRequestError: The request is invalid, or asks for something that is not supported.
    """
    body = _parse_body(content)
    items = body.get("input")
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadRequestError("input must be a string or a list of objects", "input")
    messages = [_message(item) for item in items]
    if isinstance(body.get("instructions"), str):
        messages.insert(0, {"role": "system", "content": body["instructions"]})
    options = body.get("text")
    chat = {
        **body,
        "messages": messages,
        "response_format": options.get("format") if isinstance(options, dict) else None,
    }
    if isinstance(body.get("tools"), list):
        chat["tools"] = [_nested(tool) for tool in body["tools"]]
    return _chat(chat)


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input item as a message of a chat."""
    match item.get("type"):
        case "function_call_output":
            return {"role": "tool", "content": item.get("output")}
        case "function_call":
            return {"role": "assistant", "content": item.get("arguments")}
        case _:
            return {"role": item.get("role", "user"), "content": item.get("content")}


def _nested(tool: Any) -> Any:
    """Return a tool with its function as an object, as in a chat."""
    is_flat = isinstance(tool, dict) and tool.get("type") == "function" and "name" in tool
    return {"type": "function", "function": tool} if is_flat else tool


def _chat(body: Mapping[str, Any]) -> ChatRequest:
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise BadRequestError("messages must be a list", "messages")
    if not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequestError("messages must be objects, at least one", "messages")
    texts = tuple(message_texts(messages))
    instructing = [m for m in messages if m.get("role", "user") in _INSTRUCTING_ROLES]
    functions = chosen_functions(body, is_answered=messages[-1].get("role") in ("tool", "function"))
    return _request(body, texts, "\n".join(message_texts(instructing)), functions)


def parse_completion(content: bytes) -> ChatRequest:
    """Parse the body of a request for a text completion, the older form with one `prompt`.

    Raises:
        BadRequestError: The request is invalid, or asks for something that is not supported.
    """
    body = _parse_body(content)
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise BadRequestError("prompt must be a string, or a list of one string", "prompt")
    return _request(body, (prompt,), prompt, ())


def message_texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the texts in the contents of messages, whether strings or lists of parts."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (
                part["text"]
                for part in content
                if isinstance(part, dict) and isinstance(part.get("text"), str)
            )


def _parse_body(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}", "body") from error
    if not isinstance(body, dict):
        raise BadRequestError("the body must be a JSON object", "body")
    if not isinstance(body.get("model"), str):
        raise BadRequestError("you must provide a model parameter", "model")
    if body.get("n") not in (None, 1):
        raise BadRequestError("this stand-in returns one choice only: n must be 1", "n")
    if not isinstance(body.get("stream"), bool | None):
        raise BadRequestError("stream must be true or false", "stream")
    return body


def _request(
    body: Mapping[str, Any],
    texts: tuple[str, ...],
    instructions: str,
    functions: tuple[Function, ...],
) -> ChatRequest:
    wish, schema = _wish(body)
    options = body.get("stream_options") or {}
    return ChatRequest(
        model=body["model"],
        texts=texts,
        instructions=instructions,
        functions=functions,
        has_tools=bool(body.get("tools")),
        wish=wish,
        schema=schema,
        streams=bool(body.get("stream")),
        streams_usage=isinstance(options, dict) and bool(options.get("include_usage")),
    )


def _wish(body: Mapping[str, Any]) -> tuple[Wish, Any]:
    """Return what the answer must be, and its schema, where a parameter says so."""
    schema = _server_schema(body)
    if schema is not None:
        return "json", schema
    wanted = body.get("response_format")
    if wanted is None:
        return "text", None
    if not isinstance(wanted, dict):
        raise _unknown_format(wanted)
    kind = wanted.get("type")
    if kind == "text":
        return "text", None
    if kind == "json_object":
        return "json", wanted.get("schema")
    if kind == "json_schema":
        schema = wanted.get("json_schema")
        schema = schema.get("schema") if isinstance(schema, dict) else wanted.get("schema")
        if schema is None:
            raise BadRequestError(
                "json_schema.schema is missing: expected "
                '{"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}',
                "response_format",
            )
        return "json", schema
    raise _unknown_format(kind)


def _unknown_format(kind: Any) -> BadRequestError:
    return BadRequestError(
        f"unknown response_format {kind!r}: expected an object with the type text, json_object "
        "or json_schema",
        "response_format",
    )


def _server_schema(body: Mapping[str, Any]) -> Any:
    """Return the schema in a parameter of vLLM and its kin, or None."""
    outputs = body.get("structured_outputs")
    guides = {f"guided_{key}": value for key, value in outputs.items()} if outputs else {}
    guides |= {key: value for key, value in body.items() if key.startswith("guided_")}
    schema = guides.get("guided_json")
    if schema is None:
        for key in ("guided_regex", "guided_choice", "guided_grammar"):
            if guides.get(key):
                raise BadRequestError(
                    f"{key} is not supported: expected guided_json, response_format or tools", key
                )
        return None
    try:
        return json.loads(schema) if isinstance(schema, str) else schema
    except ValueError as error:
        raise BadRequestError(f"guided_json is no JSON schema: {error}", "guided_json") from error
