"""An OpenAI-compatible chat service that answers with what it reads.

Titles, summaries and lists are made of the words and tracers in the prompt, in the JSON shape
the caller asked for. It is no model: the same prompt always gets the same answer, and nothing
that did not reach the prompt can be in it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins.credentials import bears
from trackproof.testbed.stand_ins.llm_answers import prompt_reader
from trackproof.testbed.stand_ins.llm_answers.schema_filler import UnfillableError, fill

_DEFAULT_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "summary": {"type": "string"}},
    "required": ["title", "summary"],
}


class _BadRequestError(ValueError):
    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class LlmStandIn:
    """The stand-in: an ASGI app that can read, and nothing else."""

    def __init__(
        self, key: str, *, tracers: Iterable[str] = (), vocabulary: Iterable[str] = ()
    ) -> None:
        """Accept the bearer `key`.

        Args:
            key: The API key.
            tracers: Words that must surface in answers whenever they stand in a prompt.
            vocabulary: Words people say in a meeting, preferred to those of an instruction.
        """
        self._key = key
        self._tracers = frozenset(word.lower() for word in tracers)
        self._vocabulary = frozenset(word.lower() for word in vocabulary)
        self._app = Starlette(
            routes=[
                Route(path, self._complete, methods=["POST"])
                for path in ("/chat/completions", "/v1/chat/completions")
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _complete(self, request: Request) -> JSONResponse:
        if not bears(request, self._key):
            return _error("Incorrect API key provided", None, 401, "invalid_api_key")
        try:
            order = _checked(await request.body())
            texts = list(_texts(order["messages"]))
            read = prompt_reader.read(texts, tracers=self._tracers, vocabulary=self._vocabulary)
            message = _message(order, texts, read)
        except _BadRequestError as error:
            return _error(str(error), error.param)
        except UnfillableError as error:
            return _error(str(error), "response_format")
        except ValueError as error:
            return _error(str(error), "messages")
        return JSONResponse(_completion(order, texts, message))


def _checked(body: bytes) -> dict[str, Any]:
    try:
        order = json.loads(body)
    except ValueError as error:
        raise _BadRequestError(f"the body is not JSON: {error}", "body") from error
    if not isinstance(order, dict) or not isinstance(order.get("messages"), list):
        raise _BadRequestError("messages must be a list", "messages")
    if not order["messages"] or not all(isinstance(m, dict) for m in order["messages"]):
        raise _BadRequestError("messages must be objects, at least one", "messages")
    if not isinstance(order.get("model"), str):
        raise _BadRequestError("you must provide a model parameter", "model")
    if order.get("stream"):
        raise _BadRequestError("this stand-in does not stream", "stream")
    if order.get("n") not in (None, 1):
        raise _BadRequestError("this stand-in gives one choice only", "n")
    return order


def _texts(messages: list[dict[str, Any]]) -> Iterator[str]:
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


def _message(
    order: dict[str, Any], texts: list[str], read: prompt_reader.Reading
) -> dict[str, Any]:
    """Return the assistant's message, in the first shape the caller asks for."""
    tool = _asked_tool(order)
    if tool is not None:
        arguments = _filled(tool.get("parameters") or {"type": "object"}, read)
        call = {"name": tool["name"], "arguments": arguments}
        call_id = f"call_{hashlib.sha256(arguments.encode()).hexdigest()[:24]}"
        calls = [{"id": call_id, "type": "function", "function": call}]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    return {"role": "assistant", "content": _content(order, texts, read)}


def _content(order: dict[str, Any], texts: list[str], read: prompt_reader.Reading) -> str:
    asked = order.get("response_format") or {"type": "text"}
    kind = asked.get("type") if isinstance(asked, dict) else asked
    if kind == "json_schema":
        schema = asked.get("json_schema", {}).get("schema")
        if schema is None:
            raise _BadRequestError("json_schema.schema is missing", "response_format")
        return _filled(schema, read)
    shown = schema_in("\n".join(texts))
    if kind == "json_object":
        return _filled(shown or _DEFAULT_SCHEMA, read)
    if kind != "text":
        raise _BadRequestError(f"unknown response_format {kind!r}", "response_format")
    return read.summary() if shown is None else _filled(shown, read)


def _asked_tool(order: dict[str, Any]) -> dict[str, Any] | None:
    tools = [tool["function"] for tool in order.get("tools") or [] if "function" in tool]
    choice = order.get("tool_choice", "auto")
    if not tools or choice == "none":
        return None
    if isinstance(choice, dict):
        name = choice.get("function", {}).get("name")
        tools = [tool for tool in tools if tool["name"] == name]
        if not tools:
            raise _BadRequestError(f"tool_choice names no given tool: {name!r}", "tool_choice")
    first: dict[str, Any] = tools[0]
    return first


def _filled(schema: Any, read: prompt_reader.Reading) -> str:
    return json.dumps(fill(schema, read.about, wanted_items=len(read.subjects)), ensure_ascii=False)


def schema_in(text: str) -> dict[str, Any] | None:
    """Return the last JSON schema of an object that stands in a text, or None."""
    decoder = json.JSONDecoder()
    found = None
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            if isinstance(value.get("properties"), dict) or "$ref" in value:
                found = value
        at = text.find("{", end)
    return found


def _completion(order: dict[str, Any], texts: list[str], message: dict[str, Any]) -> dict[str, Any]:
    prompt_tokens = sum(_tokens(text) for text in texts)
    completion_tokens = _tokens(json.dumps(message))
    digest = hashlib.sha256(json.dumps([order, message], sort_keys=True).encode()).hexdigest()
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": order["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def _tokens(text: str) -> int:
    """Count tokens roughly: four characters each."""
    return -(-len(text) // 4)


def _error(
    message: str, param: str | None, status: int = 400, code: str | None = None
) -> JSONResponse:
    content = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": content}, status)
