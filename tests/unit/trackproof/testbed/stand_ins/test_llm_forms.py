"""Forms of requests and answers: tools, functions, streams, older and newer endpoints."""

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
from trackproof.testbed.stand_ins import StandIns
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        (None, ["note"]),
        ("auto", ["note"]),
        ("required", ["note"]),
        ("any", ["note"]),
        ("none", []),
        ({"type": "function", "function": {"name": "recap"}}, ["recap"]),
        ({"type": "function", "name": "recap"}, ["recap"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [TOOLS[1]]},
            },
            ["recap"],
        ),
    ],
)
def test_tool_choice_says_which_tool_is_called(
    stand_ins: StandIns, caller: Caller, choice: Any, called: list[str]
) -> None:
    answer = complete(stand_ins, caller, tools=TOOLS, tool_choice=choice)

    calls = answer.json()["choices"][0]["message"].get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == called


def test_parallel_tool_calls_call_every_tool_once(stand_ins: StandIns, caller: Caller) -> None:
    answer = complete(stand_ins, caller, tools=TOOLS, parallel_tool_calls=True)

    calls = answer.json()["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["note", "recap"]
    assert len({call["id"] for call in calls}) == 2


def test_agent_with_the_result_of_its_call_gets_a_text(stand_ins: StandIns, caller: Caller) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "stored"}
    messages = [{"role": "user", "content": PROMPT}, result]

    answer = complete(stand_ins, caller, messages=messages, tools=TOOLS)
    forced = complete(stand_ins, caller, messages=messages, tools=TOOLS, tool_choice="required")

    assert "Albatross" in text_of(answer)
    assert "tool_calls" in forced.json()["choices"][0]["message"]


@pytest.mark.parametrize(
    "choice", [{}, {"function_call": "auto"}, {"function_call": {"name": "a"}}]
)
def test_function_is_called_in_the_older_form(
    stand_ins: StandIns, caller: Caller, choice: dict[str, Any]
) -> None:
    functions = [{"name": "a", "parameters": RECAP}]

    answer = complete(stand_ins, caller, functions=functions, **choice).json()["choices"][0]

    assert answer["finish_reason"] == "function_call"
    assert answer["message"]["function_call"]["name"] == "a"
    jsonschema.validate(json.loads(answer["message"]["function_call"]["arguments"]), RECAP)


@pytest.mark.parametrize(
    "options",
    [
        {"response_format": {"type": "json_object", "schema": RECAP}},
        {"response_format": {"type": "json_schema", "schema": RECAP}},
        {"guided_json": RECAP},
        {"guided_json": json.dumps(RECAP)},
        {"structured_outputs": {"json": RECAP}},
    ],
)
def test_other_servers_parameters_for_a_schema_are_understood(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any]
) -> None:
    jsonschema.validate(json.loads(text_of(complete(stand_ins, caller, **options))), RECAP)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"response_format": recap_format()},
        {"tools": TOOLS},
        {"tools": TOOLS, "parallel_tool_calls": True},
        {"functions": [{"name": "recap", "parameters": RECAP}]},
    ],
)
def test_stream_has_the_same_answer_in_pieces(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any]
) -> None:
    whole = complete(stand_ins, caller, **options)
    stream = complete(
        stand_ins, caller, stream=True, stream_options={"include_usage": True}, **options
    )

    assert stream.headers["content-type"].startswith("text/event-stream")
    *events, last = [line for line in stream.text.splitlines() if line]
    assert last == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    (choice,) = whole.json()["choices"]
    assert chunks[-2]["choices"][0]["finish_reason"] == choice["finish_reason"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole.json()["usage"])
    assert len(chunks) > 4
    assert answer_texts(stream.content) == answer_texts(whole.content)


@pytest.mark.parametrize("prompt", [PROMPT, [PROMPT]])
def test_text_completion_is_answered_whole_and_in_pieces(
    stand_ins: StandIns, caller: Caller, prompt: Any
) -> None:
    headers = bearer(stand_ins.credentials.llm_key)
    body = {"model": "some/model", "prompt": prompt}

    whole = caller.call("llm", "POST", "/v1/completions", json=body, headers=headers)
    stream = caller.call(
        "llm", "POST", "/completions", json={**body, "stream": True}, headers=headers
    )

    assert whole.json()["choices"][0]["text"].startswith("Albatross")
    assert answer_texts(stream.content) == answer_texts(whole.content)


@pytest.mark.parametrize("prompt", [None, 3, ["a", "b"], [1, 2]])
def test_text_completion_without_one_text_is_refused(
    stand_ins: StandIns, caller: Caller, prompt: Any
) -> None:
    body = {"model": "some/model", "prompt": prompt}

    answer = caller.call(
        "llm", "POST", "/completions", json=body, headers=bearer(stand_ins.credentials.llm_key)
    )

    assert answer.status_code == 400
    assert "prompt must be a string" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "prose"),
        ({"text": {"format": {"type": "json_schema", "name": "R", "schema": RECAP}}}, "json"),
        (
            {
                "tools": [{"type": "function", "name": "recap", "parameters": RECAP}],
                "tool_choice": {"type": "function", "name": "recap"},
            },
            "json",
        ),
    ],
)
def test_response_is_answered_whole_and_in_pieces(
    stand_ins: StandIns, caller: Caller, options: dict[str, Any], expected: str
) -> None:
    headers = bearer(stand_ins.credentials.llm_key)
    body = {"model": "some/model", "input": PROMPT, "instructions": "Be brief.", **options}

    whole = caller.call("llm", "POST", "/v1/responses", json=body, headers=headers)
    stream = caller.call(
        "llm", "POST", "/responses", json={**body, "stream": True}, headers=headers
    )

    (text,) = answer_texts(whole.content)
    assert "albatross" in text.lower()
    if expected == "json":
        jsonschema.validate(json.loads(text), RECAP)
    assert answer_texts(stream.content) == [text]
    lines = [line for line in stream.text.splitlines() if line.startswith("data: ")]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert "".join(chunk.get("delta", "") for chunk in chunks) == text


def test_result_of_a_call_in_a_response_gets_a_text(stand_ins: StandIns, caller: Caller) -> None:
    items = [
        {"type": "message", "role": "user", "content": PROMPT},
        {"type": "function_call", "call_id": "1", "name": "recap", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "stored"},
    ]
    tools = [{"type": "function", "name": "recap", "parameters": RECAP}]
    body = {"model": "some/model", "input": items, "tools": tools}

    answer = caller.call(
        "llm", "POST", "/responses", json=body, headers=bearer(stand_ins.credentials.llm_key)
    )

    assert answer.json()["output"][0]["type"] == "message"


def test_unknown_path_is_refused_with_the_served_ones(caller: Caller) -> None:
    answer = caller.call("llm", "POST", "/v1/embeddings", json={})

    assert answer.status_code == 404
    assert "expected POST /chat/completions" in answer.json()["error"]["message"]


def test_schema_in_an_answer_or_in_a_result_is_not_the_callers(
    stand_ins: StandIns, caller: Caller
) -> None:
    messages = [
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": json.dumps(RECAP)},
        {"role": "user", "content": "Now the albatross in one sentence."},
    ]

    assert text_of(complete(stand_ins, caller, messages=messages)).startswith("Albatross")
