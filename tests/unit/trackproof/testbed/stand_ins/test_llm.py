from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import TRACER_WORDS, StandIns

PROMPT = "Ada: the albatross budget. Bob: the launch of Bergamot, and the budget."
RECAP = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "summary": {"type": "string"},
        "subjects": {"type": "array", "items": {"type": "string"}, "maxItems": 6},
        "mood": {"enum": ["good", "bad"]},
    },
    "required": ["title", "summary", "subjects"],
    "additionalProperties": False,
}


def ask(
    stand_ins: StandIns,
    caller: Caller,
    prompt: Any = PROMPT,
    path: str = "/chat/completions",
    **options: Any,
) -> httpx.Response:
    """Send one prompt as the user."""
    order = {"model": "some/model", "messages": [{"role": "user", "content": prompt}], **options}
    return caller.call(
        "llm", "POST", path, json=order, headers=bearer(stand_ins.credentials.llm_key)
    )


def said(answer: httpx.Response) -> str:
    """Return the text of the answer."""
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


def recap_format() -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "Recap", "schema": RECAP}}


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_a_plain_answer_brings_up_every_tracer_it_read(
    stand_ins: StandIns, caller: Caller, path: str
) -> None:
    answer = ask(stand_ins, caller, path=path)

    text = said(answer).lower()
    assert "albatross" in text
    assert "bergamot" in text
    assert "budget" in text
    assert "chrysalis" not in text
    content = answer.json()
    assert content["model"] == "some/model"
    assert content["object"] == "chat.completion"
    assert content["choices"][0]["finish_reason"] == "stop"
    usage = content["usage"]
    assert usage["prompt_tokens"] == 18
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_asked_schema_is_kept(stand_ins: StandIns, caller: Caller) -> None:
    content = json.loads(said(ask(stand_ins, caller, response_format=recap_format())))

    jsonschema.validate(content, RECAP)
    assert "albatross" in content["title"].lower()
    assert {"albatross", "bergamot"} <= set(content["summary"].lower().replace(".", "").split())
    assert len(content["title"]) < len(content["summary"])


def test_a_list_of_subjects_has_one_item_for_each_tracer(
    stand_ins: StandIns, caller: Caller
) -> None:
    content = json.loads(said(ask(stand_ins, caller, response_format=recap_format())))

    first, second = content["subjects"]
    assert first.lower().startswith("albatross")
    assert second.lower().startswith("bergamot")


def test_there_are_never_more_than_six_subjects() -> None:
    stand_ins = StandIns()
    prompt = " ".join(sorted(TRACER_WORDS))
    with stand_ins.in_process() as inside:
        answer = ask(stand_ins, Caller(dict(inside.urls), "in process"), prompt)
        recap = ask(
            stand_ins,
            Caller(dict(inside.urls), "in process"),
            prompt,
            response_format={
                "type": "json_schema",
                "json_schema": {"schema": {"type": "array", "items": {"type": "string"}}},
            },
        )

    assert len(TRACER_WORDS) > 6
    assert all(tracer in said(answer).lower() for tracer in TRACER_WORDS)
    assert len(json.loads(said(recap))) == 6


def test_a_json_object_has_title_and_summary_when_nothing_else_is_asked(
    stand_ins: StandIns, caller: Caller
) -> None:
    answer = ask(stand_ins, caller, response_format={"type": "json_object"})

    assert list(json.loads(said(answer))) == ["title", "summary"]


@pytest.mark.parametrize("options", [{}, {"response_format": {"type": "json_object"}}])
def test_a_schema_in_the_prompt_is_kept(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any]
) -> None:
    prompt = f'{PROMPT} {{not json}} {{"a": 1}} Keep this schema:\n{json.dumps(RECAP)}\nNo more.'

    content = json.loads(said(ask(stand_ins, caller, prompt, **options)))

    jsonschema.validate(content, RECAP)
    assert "subjects" in content


def test_a_tool_is_called_with_arguments_that_fit(stand_ins: StandIns, caller: Caller) -> None:
    tools = [
        {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "recap", "parameters": RECAP}},
    ]
    choice = {"type": "function", "function": {"name": "recap"}}

    answer = ask(stand_ins, caller, tools=tools, tool_choice=choice)

    (answered,) = answer.json()["choices"]
    assert answered["finish_reason"] == "tool_calls"
    assert answered["message"]["content"] is None
    (call,) = answered["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "recap")
    jsonschema.validate(json.loads(call["function"]["arguments"]), RECAP)
    first = ask(stand_ins, caller, tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert first[0]["function"]["name"] == "other"


def test_tools_may_be_ruled_out(stand_ins: StandIns, caller: Caller) -> None:
    tools = [{"type": "function", "function": {"name": "recap", "parameters": RECAP}}]

    assert "Albatross" in said(ask(stand_ins, caller, tools=tools, tool_choice="none"))


def test_the_same_prompt_gets_the_same_answer_and_another_one_another(
    stand_ins: StandIns, caller: Caller
) -> None:
    first, second = (ask(stand_ins, caller, response_format=recap_format()) for _ in range(2))
    other = ask(stand_ins, caller, "Chrysalis: a deadline", response_format=recap_format())

    assert said(first) == said(second)
    assert "chrysalis" in said(other).lower()
    assert "albatross" not in said(other).lower()


def test_without_tracers_the_words_of_the_meeting_are_used(
    stand_ins: StandIns, caller: Caller
) -> None:
    text = said(ask(stand_ins, caller, "Summarize: the customer, the customer, the deadline."))

    assert text.startswith("Customer")
    assert "deadline" in text


def test_without_known_words_any_words_are_used(stand_ins: StandIns, caller: Caller) -> None:
    assert said(ask(stand_ins, caller, "да")).startswith("Да")


def test_a_prompt_may_come_in_parts(stand_ins: StandIns, caller: Caller) -> None:
    parts = [{"type": "text", "text": "the chrysalis"}, {"type": "image_url"}]

    assert "Chrysalis" in said(ask(stand_ins, caller, parts))


@pytest.mark.parametrize(
    ("options", "param", "reason"),
    [
        ({"stream": True}, "stream", "does not stream"),
        ({"n": 2}, "n", "one choice only"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": "hello"}, "messages", "must be a list"),
        ({"messages": [{"role": "user", "content": "42"}]}, "messages", "not one word"),
        ({"model": None}, "model", "model"),
        ({"response_format": {"type": "xml"}}, "response_format", "unknown"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "missing"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "strnig"}},
                }
            },
            "response_format",
            "invalid schema",
        ),
        (
            {
                "tools": [{"type": "function", "function": {"name": "a"}}],
                "tool_choice": {"type": "function", "function": {"name": "b"}},
            },
            "tool_choice",
            "names no given tool",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any], param: str, reason: str
) -> None:
    answer = ask(stand_ins, caller, **options)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == param
    assert reason in error["message"]


def test_a_body_that_is_not_json_is_refused(stand_ins: StandIns, caller: Caller) -> None:
    answer = caller.call(
        "llm",
        "POST",
        "/chat/completions",
        content=b"{",
        headers=bearer(stand_ins.credentials.llm_key),
    )

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{}, bearer("wrong")])
def test_nothing_is_read_without_the_key(caller: Caller, headers: dict[str, str]) -> None:
    answer = caller.call("llm", "POST", "/chat/completions", json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
