"""Stand-in of an OpenAI-compatible chat service, which answers with words of the prompt.

Titles, summaries and lists consist of words and tracers of the prompt, in the JSON shape the
caller requests. The same prompt always gets the same answer, and nothing that did not reach the
prompt can be in it.
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

from trackproof.testbed.stand_ins.credentials import has_bearer
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
    """An ASGI app that answers chat completions."""

    def __init__(
        self, key: str, *, tracers: Iterable[str] = (), vocabulary: Iterable[str] = ()
    ) -> None:
        """Configure the service.

        Args:
            key: Bearer token that callers must present.
            tracers: Words that appear in every answer to a prompt that contains them.
            vocabulary: Words of meetings, preferred to those of instructions.
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
        if not has_bearer(request, self._key):
            return _error("Incorrect API key provided", None, 401, "invalid_api_key")
        try:
            body = _parse_body(await request.body())
            texts = list(_texts(body["messages"]))
            prompt = prompt_reader.read(texts, tracers=self._tracers, vocabulary=self._vocabulary)
            message = _message(body, texts, prompt)
        except _BadRequestError as error:
            return _error(str(error), error.param)
        except UnfillableError as error:
            return _error(str(error), "response_format")
        except ValueError as error:
            return _error(str(error), "messages")
        return JSONResponse(_completion(body, texts, message))


def _parse_body(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise _BadRequestError(f"the body is not JSON: {error}", "body") from error
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise _BadRequestError("messages must be a list", "messages")
    if not body["messages"] or not all(isinstance(m, dict) for m in body["messages"]):
        raise _BadRequestError("messages must be objects, at least one", "messages")
    if not isinstance(body.get("model"), str):
        raise _BadRequestError("you must provide a model parameter", "model")
    if body.get("stream"):
        raise _BadRequestError("this stand-in does not stream", "stream")
    if body.get("n") not in (None, 1):
        raise _BadRequestError("this stand-in returns one choice only", "n")
    return body


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
    body: dict[str, Any], texts: list[str], prompt: prompt_reader.Prompt
) -> dict[str, Any]:
    """Return the assistant's message, in the shape the caller requests."""
    tool = _chosen_tool(body)
    if tool is not None:
        arguments = _fill(tool.get("parameters") or {"type": "object"}, prompt)
        call = {"name": tool["name"], "arguments": arguments}
        call_id = f"call_{hashlib.sha256(arguments.encode()).hexdigest()[:24]}"
        calls = [{"id": call_id, "type": "function", "function": call}]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    return {"role": "assistant", "content": _content(body, texts, prompt)}


def _content(body: dict[str, Any], texts: list[str], prompt: prompt_reader.Prompt) -> str:
    response_format = body.get("response_format") or {"type": "text"}
    is_object = isinstance(response_format, dict)
    kind = response_format.get("type") if is_object else response_format
    if kind == "json_schema":
        schema = response_format.get("json_schema", {}).get("schema")
        if schema is None:
            raise _BadRequestError("json_schema.schema is missing", "response_format")
        return _fill(schema, prompt)
    prompt_schema = _schema_in("\n".join(texts))
    if kind == "json_object":
        return _fill(prompt_schema or _DEFAULT_SCHEMA, prompt)
    if kind != "text":
        raise _BadRequestError(f"unknown response_format {kind!r}", "response_format")
    return prompt.summary() if prompt_schema is None else _fill(prompt_schema, prompt)


def _chosen_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    tools = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
    choice = body.get("tool_choice", "auto")
    if not tools or choice == "none":
        return None
    if isinstance(choice, dict):
        name = choice.get("function", {}).get("name")
        tools = [tool for tool in tools if tool["name"] == name]
        if not tools:
            raise _BadRequestError(f"tool_choice is not among the tools: {name!r}", "tool_choice")
    first: dict[str, Any] = tools[0]
    return first


def _fill(schema: Any, prompt: prompt_reader.Prompt) -> str:
    value = fill(schema, prompt.text_for, wanted_items=len(prompt.subjects))
    return json.dumps(value, ensure_ascii=False)


def _schema_in(text: str) -> dict[str, Any] | None:
    """Return the last JSON schema of an object in a text, or None."""
    decoder = json.JSONDecoder()
    schema = None
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            if isinstance(value.get("properties"), dict) or "$ref" in value:
                schema = value
        at = text.find("{", end)
    return schema


def _completion(body: dict[str, Any], texts: list[str], message: dict[str, Any]) -> dict[str, Any]:
    prompt_tokens = sum(_tokens(text) for text in texts)
    completion_tokens = _tokens(json.dumps(message))
    digest = hashlib.sha256(json.dumps([body, message], sort_keys=True).encode()).hexdigest()
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
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
