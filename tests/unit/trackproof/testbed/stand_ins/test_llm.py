from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import TRACER_WORDS, StandIns
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts

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


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": RECAP}}
    for name in ("note", "recap")
]


def complete(
    stand_ins: StandIns,
    caller: Caller,
    prompt: Any = PROMPT,
    path: str = "/chat/completions",
    **options: Any,
) -> httpx.Response:
    """Send one prompt as the user."""
    body = {"model": "some/model", "messages": [{"role": "user", "content": prompt}], **options}
    return caller.call(
        "llm", "POST", path, json=body, headers=bearer(stand_ins.credentials.llm_key)
    )


def text_of(answer: httpx.Response) -> str:
    """Return the text of a successful response."""
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


def recap_format() -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "Recap", "schema": RECAP}}


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


def test_list_of_subjects_has_at_most_six_items() -> None:
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

    assert len(TRACER_WORDS) > 6
    assert all(tracer in text_of(answer).lower() for tracer in TRACER_WORDS)
    assert len(json.loads(text_of(recap))) == 6


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
