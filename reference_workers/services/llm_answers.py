"""The JSON object in a chat completion, in all shapes in which servers deliver it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from reference_workers.errors import TransientError
from reference_workers.services.http import parse_object
from reference_workers.text import clean_json

Json = dict[str, Any]

# Reasoning models answer after their thoughts. Some servers strip the opening tag; thoughts that
# do not end have no answer after them.
_THOUGHTS = re.compile(
    r".*</(?:think|thinking|reasoning)>|\s*<(?:think|thinking|reasoning)>.*",
    re.DOTALL | re.IGNORECASE,
)

_CAUSES = {
    "length": "the answer was cut off at the length limit (finish_reason: length)",
    "content_filter": "a content filter withheld the answer (finish_reason: content_filter)",
}

_SHOWN_CHARACTERS = 200
"""Length limit of a service's own words in an error."""


_MAX_OBJECTS = 100
_MAX_FAILURES = 1000
"""Bounds of the search in a hostile answer."""


class UnusableAnswerError(TransientError):
    """The LLM answered, but not with what was requested."""


def completion(body: bytes, where: str) -> Json:
    """Return the completion object of a response, which may be a stream of events.

    Raises:
        TransientError: The body is neither; or it is an error object.
    """
    text = body.lstrip()
    is_stream = text.startswith((b"data:", b"event:", b":"))
    data = _joined(text, where) if is_stream else parse_object(body, where)
    if error := data.get("error"):
        raise UnusableAnswerError(f"{where}: the provider reports an error: {error_text(error)}")
    return data


def answer_of(data: Json, schema: Json) -> Json:
    """Return the object that is valid against `schema` in a completion.

    It may stand in a Markdown fence, between sentences, after the model's thoughts, in a list of
    content parts or in the arguments of a tool call. Of several the last one counts.

    Raises:
        UnusableAnswerError: There is none; the message names the cause.
    """
    if not (choice := _first(data.get("choices"))):
        raise UnusableAnswerError("the answer has no choices")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise UnusableAnswerError("the answer's first choice has no message")
    content = _content(message.get("content"))
    texts = [*_tool_arguments(message), _THOUGHTS.sub("", content, count=1)]
    objects = [item for text in texts for item in islice(_objects(text), _MAX_OBJECTS)]
    if fitting := [item for item in objects if jsonschema_rs.is_valid(schema, item)]:
        return fitting[-1]
    raise UnusableAnswerError(_cause(choice, message, has_object=bool(objects)))


def error_text(error: object) -> str:
    """Return an error object's message and code, shortened."""
    if isinstance(error, dict):
        message, code = error.get("message"), error.get("code")
        parts = [str(part) for part in (message, code and f"({code})") if part]
        error = " ".join(parts) or error
    text = " ".join(str(error).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _cause(choice: Json, message: Json, *, has_object: bool) -> str:
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        return f"the model refused: {error_text(refusal)}"
    if known := _CAUSES.get(str(choice.get("finish_reason"))):
        return known
    if has_object:
        return "the answer does not match the schema"
    if not _content(message.get("content")).strip():
        return "the answer is empty"
    return "the answer contains no JSON object"


def _first(choices: object) -> Json:
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}


def _content(content: object) -> str:
    """Return a message's text; some servers split it into parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(text for text in texts if isinstance(text, str))


def _tool_arguments(message: Json) -> Iterator[str]:
    calls = message.get("tool_calls")
    listed = calls if isinstance(calls, list) else []
    functions = [call.get("function") for call in listed if isinstance(call, dict)]
    for function in [*functions, message.get("function_call")]:
        if isinstance(function, dict):
            arguments = function.get("arguments")
            if isinstance(arguments, str):
                yield arguments
            elif isinstance(arguments, dict):
                yield json.dumps(arguments)


def _objects(text: str) -> Iterator[Json]:
    """Yield the outermost JSON objects in a text, in order."""
    decoder = json.JSONDecoder(strict=False)  # models write raw line breaks into strings
    position = text.find("{")
    failures = 0
    while position >= 0 and failures < _MAX_FAILURES:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
            failures += 1
        else:
            yield clean_json(value)
        position = text.find("{", end)


def _joined(body: bytes, where: str) -> Json:
    """Return the completion that the chunks of an event stream add up to."""
    content, refusal, reason, usage = "", "", None, None
    arguments: dict[int, str] = {}
    for line in body.decode(errors="replace").splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data in {"", "[DONE]"}:
            continue
        chunk = parse_object(data.encode(), where)
        if "error" in chunk:
            return chunk
        usage = chunk.get("usage") or usage
        choice = _first(chunk.get("choices"))
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, dict):
            continue
        content += _content(delta.get("content"))
        refusal += _content(delta.get("refusal"))
        reason = choice.get("finish_reason") or reason
        for number, text in enumerate(_tool_arguments(delta)):
            arguments[number] = arguments.get(number, "") + text
    message = {
        "content": content,
        "refusal": refusal or None,
        "tool_calls": [{"function": {"arguments": text}} for text in arguments.values()],
    }
    return {"choices": [{"message": message, "finish_reason": reason}], "usage": usage}
