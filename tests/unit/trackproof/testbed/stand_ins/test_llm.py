from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.unit.trackproof.testbed.stand_ins.llm_calls import (
    PROMPT,
    RECAP,
    TOOLS,
    complete,
    recap_format,
    text_of,
)
from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import TRACER_WORDS, StandIns
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.llm_answers.prompt_reader import MAX_SUBJECTS


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_plain_answer_includes_every_tracer_of_the_prompt(
    stand_ins: StandIns, caller: Caller, path: str
) -> None:
    answer = complete(stand_ins, caller, path=path)

    text = text_of(answer).lower()
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


def test_answer_matches_the_requested_schema(stand_ins: StandIns, caller: Caller) -> None:
    content = json.loads(text_of(complete(stand_ins, caller, response_format=recap_format())))

    jsonschema.validate(content, RECAP)
    assert "albatross" in content["title"].lower()
    assert {"albatross", "bergamot"} <= set(content["summary"].lower().replace(".", "").split())
    assert len(content["title"]) < len(content["summary"])


def test_list_of_subjects_has_one_item_per_tracer(stand_ins: StandIns, caller: Caller) -> None:
    content = json.loads(text_of(complete(stand_ins, caller, response_format=recap_format())))

    first, second = content["subjects"]
    assert first.lower().startswith("albatross")
    assert second.lower().startswith("bergamot")


def test_a_text_fills_every_string_of_the_answer(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="llm", text="Two\nlines"))

    content = json.loads(text_of(complete(stand_ins, caller, response_format=recap_format())))
    prose = text_of(complete(stand_ins, caller))

    assert (content["title"], content["summary"], prose) == ("Two\nlines",) * 3
    assert content["subjects"] == ["Two\nlines", "Two\nlines (2)"]


def test_list_of_subjects_has_a_longest_length() -> None:
    stand_ins = StandIns()
    prompt = " ".join(sorted(TRACER_WORDS))
    with stand_ins.in_process() as inside:
        answer = complete(stand_ins, Caller(dict(inside.urls), "in process"), prompt)
        recap = complete(
            stand_ins,
            Caller(dict(inside.urls), "in process"),
            prompt,
            response_format={
                "type": "json_schema",
                "json_schema": {"schema": {"type": "array", "items": {"type": "string"}}},
            },
        )

    assert len(TRACER_WORDS) >= MAX_SUBJECTS > 6
    assert all(tracer in text_of(answer).lower() for tracer in TRACER_WORDS)
    assert len(json.loads(text_of(recap))) == MAX_SUBJECTS


def test_json_object_has_title_and_summary_by_default(stand_ins: StandIns, caller: Caller) -> None:
    answer = complete(stand_ins, caller, response_format={"type": "json_object"})

    assert list(json.loads(text_of(answer))) == ["title", "summary"]


@pytest.mark.parametrize("options", [{}, {"response_format": {"type": "json_object"}}])
def test_answer_matches_a_schema_in_the_prompt(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any]
) -> None:
    prompt = f'{PROMPT} {{not json}} {{"a": 1}} Use this schema:\n{json.dumps(RECAP)}\nNo more.'

    content = json.loads(text_of(complete(stand_ins, caller, prompt, **options)))

    jsonschema.validate(content, RECAP)
    assert "subjects" in content


def test_tool_call_has_matching_arguments(stand_ins: StandIns, caller: Caller) -> None:
    tools = [
        {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "recap", "parameters": RECAP}},
    ]
    choice = {"type": "function", "function": {"name": "recap"}}

    answer = complete(stand_ins, caller, tools=tools, tool_choice=choice)

    (completion,) = answer.json()["choices"]
    assert completion["finish_reason"] == "tool_calls"
    assert completion["message"]["content"] is None
    (call,) = completion["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "recap")
    jsonschema.validate(json.loads(call["function"]["arguments"]), RECAP)
    first = complete(stand_ins, caller, tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert first[0]["function"]["name"] == "other"


def test_tool_choice_none_gives_plain_text(stand_ins: StandIns, caller: Caller) -> None:
    tools = [{"type": "function", "function": {"name": "recap", "parameters": RECAP}}]

    assert "Albatross" in text_of(complete(stand_ins, caller, tools=tools, tool_choice="none"))


def test_answer_depends_only_on_the_prompt(stand_ins: StandIns, caller: Caller) -> None:
    first, second = (complete(stand_ins, caller, response_format=recap_format()) for _ in range(2))
    other = complete(stand_ins, caller, "Chrysalis: a deadline", response_format=recap_format())

    assert text_of(first) == text_of(second)
    assert "chrysalis" in text_of(other).lower()
    assert "albatross" not in text_of(other).lower()


def test_prompt_without_tracers_uses_words_of_the_vocabulary(
    stand_ins: StandIns, caller: Caller
) -> None:
    text = text_of(
        complete(stand_ins, caller, "Summarize: the customer, the customer, the deadline.")
    )

    assert text.startswith("Customer")
    assert "deadline" in text


def test_prompt_without_vocabulary_uses_any_words(stand_ins: StandIns, caller: Caller) -> None:
    assert text_of(complete(stand_ins, caller, "да")).startswith("Да")


def test_prompt_may_have_parts(stand_ins: StandIns, caller: Caller) -> None:
    parts = [{"type": "text", "text": "the chrysalis"}, {"type": "image_url"}]

    assert "Chrysalis" in text_of(complete(stand_ins, caller, parts))


@pytest.mark.parametrize(
    ("options", "param", "reason"),
    [
        ({"stream": "yes"}, "stream", "true or false"),
        ({"n": 2}, "n", "one choice only"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": "hello"}, "messages", "must be a list"),
        ({"messages": [{"role": "user", "content": "42"}]}, "messages", "no word"),
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
            "not among the tools: 'b'; expected one of ['a']",
        ),
        ({"tools": TOOLS, "tool_choice": "sometimes"}, "tool_choice", 'expected "none"'),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools"}}, "tool_choice", "expected"),
        ({"tools": "recap"}, "tools", "must be a list"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools", "not supported"),
        ({"functions": [{"parameters": {}}]}, "functions", "no name"),
        (
            {"functions": [{"name": "a"}], "function_call": {"name": "b"}},
            "function_call",
            "not among the tools",
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "a", "parameters": {"type": "x"}}}
                ]
            },
            "tools",
            "expected a JSON schema that an answer can meet",
        ),
        (
            {"messages": [{"role": "user", "content": '{"properties": {"a": string}}'}]},
            "messages",
            "expected one whole object",
        ),
        ({"guided_json": "{"}, "guided_json", "no JSON schema"),
        ({"guided_regex": "a+"}, "guided_regex", "expected guided_json, response_format or tools"),
        ({"structured_outputs": {"choice": ["a"]}}, "guided_choice", "not supported"),
    ],
)
def test_unsupported_request_is_refused(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any], param: str, reason: str
) -> None:
    answer = complete(stand_ins, caller, **options)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == param
    assert reason in error["message"]


def test_body_that_is_not_json_is_refused(stand_ins: StandIns, caller: Caller) -> None:
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
def test_missing_or_wrong_key_is_refused(caller: Caller, headers: dict[str, str]) -> None:
    answer = caller.call("llm", "POST", "/chat/completions", json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
