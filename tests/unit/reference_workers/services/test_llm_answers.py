"""Answers as OpenAI-compatible servers give them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.llm import LLM
from reference_workers.settings import Settings

Json = dict[str, Any]

SCHEMA = {
    "type": "object",
    "required": ["title"],
    "additionalProperties": False,
    "properties": {"title": {"type": "string", "minLength": 1}},
}
RIGHT = {"title": "Budget of the year"}
TEXT = json.dumps(RIGHT)


def completion(content: Any = None, *, finish_reason: str = "stop", **message: Any) -> Json:
    spoken = {"role": "assistant", "content": content, **message}
    return {"choices": [{"index": 0, "finish_reason": finish_reason, "message": spoken}]}


class Server:
    """Answers a client's requests in order; the last answer repeats."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.bodies: list[Json] = []

    def complete(self, prompt: str = "A title, please.") -> Json:
        llm = LLM(Settings(llm_url="https://llm.test/v1"))
        llm.close()
        llm._client = httpx.Client(
            base_url="https://llm.test/v1", transport=httpx.MockTransport(self._answer)
        )
        try:
            return llm.complete(prompt, name="title", schema=SCHEMA)
        finally:
            llm.close()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answered(body: Json) -> Server:
    return Server(httpx.Response(200, json=body))


@pytest.mark.parametrize(
    "message",
    [
        {"content": TEXT},
        {"content": f"```json\n{TEXT}\n```"},
        {"content": f"Here you are:\n\n```\n{TEXT}\n```\nMore?"},
        {"content": f"<think>\nA title for {{budget}}.\n</think>\n\n{TEXT}"},
        {"content": f'maybe {{"title": "Draft"}}</think>{TEXT}'},
        {"content": f'First {{"title": "Draft"}}, better: {TEXT}'},
        {"content": [{"type": "text", "text": TEXT[:9]}, {"type": "text", "text": TEXT[9:]}]},
        {"content": f"[{TEXT}]"},
        {"tool_calls": [{"id": "1", "function": {"name": "title", "arguments": TEXT}}]},
        {"tool_calls": [{"id": "1", "function": {"name": "title", "arguments": RIGHT}}]},
        {"function_call": {"name": "title", "arguments": TEXT}, "content": ""},
    ],
)
def test_the_object_is_found(message: Json) -> None:
    assert answered(completion(**message)).complete() == RIGHT


def test_raw_line_breaks_and_surrogates_in_strings_are_accepted() -> None:
    assert answered(completion('{"title": "a\nb\\ud83d"}')).complete() == {
        "title": "a\nb\N{REPLACEMENT CHARACTER}"
    }


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (completion(refusal="I can't help with that."), "the model refused: I can't help"),
        (completion('{"title": "Budg', finish_reason="length"), "cut off at the length limit"),
        (completion("", finish_reason="content_filter"), "content filter"),
        (completion(f"<think>{TEXT}", finish_reason="length"), "cut off at the length limit"),
        ({"error": {"message": "Provider returned error", "code": 429}}, "Provider .* .429."),
        ({"error": "overloaded"}, "reports an error: overloaded"),
        ({"choices": []}, "no choices"),
        ({"choices": None}, "no choices"),
        ({}, "no choices"),
        ({"choices": [{"text": TEXT}]}, "no message"),
        (completion("No idea."), "no JSON object"),
        (completion(""), "empty"),
        (completion('{"name": "x"}'), "does not match the schema"),
        (completion("{" * 10_000), "no JSON object"),
    ],
)
def test_the_failure_names_its_cause(body: Json, cause: str) -> None:
    with pytest.raises(TransientError, match=cause):
        answered(body).complete()


def test_an_event_stream_is_joined() -> None:
    chunks = [
        {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"content": TEXT[:7]}}]},
        {"choices": [{"delta": {"content": TEXT[7:]}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ]
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    server = Server(httpx.Response(200, text=f": ping\n\n{lines}data: [DONE]\n\n"))

    assert server.complete() == RIGHT


@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_server_without_schema_support_is_requested_in_weaker_forms(status: int) -> None:
    refusal = {"error": {"message": "'response_format.type' must be 'text'", "code": 400}}
    refused = httpx.Response(status, json=refusal)
    server = Server(refused, refused, httpx.Response(200, json=completion(TEXT)))

    assert server.complete() == RIGHT
    forms = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert forms == ["json_schema", "json_object", None]
    assert '"title"' in server.bodies[-1]["messages"][0]["content"]


def test_any_other_refusal_is_final() -> None:
    server = Server(httpx.Response(400, json={"error": {"message": "context too long"}}))

    with pytest.raises(PermanentError, match="answered 400"):
        server.complete()
    assert len(server.bodies) == 1
