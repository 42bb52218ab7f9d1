"""Stand-in of an OpenAI-compatible chat service, which answers with words of the prompt.

Titles, summaries and lists consist of words and tracers of the prompt, in the JSON shape the
caller requests, whole or as a stream. The same prompt always gets the same answer, and nothing that
did not reach the prompt can be in it. A request that cannot be understood gets 400, never prose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins.credentials import has_bearer
from trackproof.testbed.stand_ins.llm_answers import prompt_reader
from trackproof.testbed.stand_ins.llm_answers.chat_request import (
    ChatRequest,
    parse_chat,
    parse_completion,
    parse_response,
)
from trackproof.testbed.stand_ins.llm_answers.completion_body import (
    chat_document,
    chat_events,
    text_document,
    text_events,
)
from trackproof.testbed.stand_ins.llm_answers.prompt_reader import Prompt
from trackproof.testbed.stand_ins.llm_answers.prompt_schema import (
    find_schema,
    guess_schema,
    wants_json,
)
from trackproof.testbed.stand_ins.llm_answers.request_errors import BadRequestError
from trackproof.testbed.stand_ins.llm_answers.response_body import (
    response_document,
    response_events,
)
from trackproof.testbed.stand_ins.llm_answers.schema_filler import UnfillableError, fill
from trackproof.testbed.stand_ins.middleware import LLM_TEXT

_DEFAULT_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "summary": {"type": "string"}},
    "required": ["title", "summary"],
}


class LlmStandIn:
    """An ASGI app that answers requests for completions."""

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
                Route(prefix + path, answer, methods=["POST"])
                for prefix in ("", "/v1")
                for path, answer in (
                    ("/chat/completions", self._chat),
                    ("/completions", self._complete),
                    ("/responses", self._respond),
                )
            ],
            exception_handlers={404: _unknown_path},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _chat(self, request: Request) -> Response:
        return await self._answer(request, parse_chat, chat_document, chat_events)

    async def _complete(self, request: Request) -> Response:
        return await self._answer(request, parse_completion, text_document, text_events)

    async def _respond(self, request: Request) -> Response:
        return await self._answer(request, parse_response, response_document, response_events)

    async def _answer(
        self,
        request: Request,
        parse: Callable[[bytes], ChatRequest],
        document: Callable[[ChatRequest, Any], dict[str, Any]],
        events: Callable[[ChatRequest, Any], bytes],
    ) -> Response:
        if not has_bearer(request, self._key):
            return _error("Incorrect API key provided", None, 401, "invalid_api_key")
        try:
            asked = parse(await request.body())
            prompt = prompt_reader.read(
                asked.texts, tracers=self._tracers, vocabulary=self._vocabulary
            ).with_text(request.scope.get("extensions", {}).get(LLM_TEXT))
            compose = _content if parse is parse_completion else _message
            answer = compose(asked, prompt)
        except BadRequestError as error:
            return _error(str(error), error.param)
        except ValueError as error:
            return _error(str(error), "messages")
        if asked.streams:
            return Response(events(asked, answer), media_type="text/event-stream")
        return JSONResponse(document(asked, answer))


def _message(request: ChatRequest, prompt: Prompt) -> dict[str, Any]:
    """Return the assistant's message, in the shape the caller requests."""
    param = "tools" if request.has_tools else "functions"
    calls = [
        {"name": function.name, "arguments": _fill(function.parameters, prompt, param)}
        for function in request.functions
    ]
    if not calls:
        return {"role": "assistant", "content": _content(request, prompt)}
    if not request.has_tools:
        return {"role": "assistant", "content": None, "function_call": calls[0]}
    tool_calls = [
        {"id": _call_id(number, call), "type": "function", "function": call}
        for number, call in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def _call_id(number: int, call: Mapping[str, str]) -> str:
    content = f"{number} {call['name']} {call['arguments']}"
    return f"call_{hashlib.sha256(content.encode()).hexdigest()[:24]}"


def _content(request: ChatRequest, prompt: Prompt) -> str:
    """Return prose, or JSON for a schema in a parameter or in the prompt."""
    if request.schema is not None:
        return _fill(request.schema, prompt, "response_format")
    schema = find_schema(request.instructions)
    if schema is None and (request.wish == "json" or wants_json(request.instructions)):
        schema = guess_schema(request.instructions) or _DEFAULT_SCHEMA
    return prompt.prose() if schema is None else _fill(schema, prompt, "messages")


def _fill(schema: Any, prompt: Prompt, param: str) -> str:
    """Return JSON that the schema accepts; `param` is where the schema is in the request."""
    try:
        value = fill(schema, prompt.text_for, wanted_items=len(prompt.subjects))
    except UnfillableError as error:
        raise BadRequestError(
            f"expected a JSON schema that an answer can meet: {error}", param
        ) from error
    return json.dumps(value, ensure_ascii=False)


def _unknown_path(request: Request, _error_: Exception) -> Response:
    return _error(
        f"{request.method} {request.url.path} is not served: expected POST /chat/completions, "
        "/completions or /responses, below the base URL or below its /v1",
        None,
        404,
        "unknown_url",
    )


def _error(
    message: str, param: str | None, status: int = 400, code: str | None = None
) -> JSONResponse:
    content = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": content}, status)
