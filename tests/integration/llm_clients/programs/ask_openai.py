"""The OpenAI client, 1.0 and later."""

from __future__ import annotations

import json
from typing import Optional

import openai
from forms import KEY, MODEL, PROMPT, URL, MissingFormError, form, main
from pydantic import BaseModel


class Topic(BaseModel):
    title: str
    summary: str


class Recap(BaseModel):
    title: str
    topics: list[Topic]
    score: Optional[int]  # noqa: UP045 - as callers write it


SCHEMA = Recap.model_json_schema()
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
    for name in ("note", "recap")
]
FUNCTIONS = [tool["function"] for tool in TOOLS]
RECAP = {"type": "function", "function": {"name": "recap"}}
client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)


def ask(**options):
    return client.chat.completions.create(model=MODEL, **{"messages": MESSAGES, **options}).choices[
        0
    ]


def arguments(**options):
    (call,) = ask(tools=TOOLS, **options).message.tool_calls
    return {"name": call.function.name, **json.loads(call.function.arguments)}


@form
def text():
    return ask().message.content


@form
def json_schema():
    wanted = {"type": "json_schema", "json_schema": {"name": "Recap", "schema": SCHEMA}}
    return json.loads(ask(response_format=wanted).message.content)


@form
def json_object():
    return json.loads(ask(response_format={"type": "json_object"}).message.content)


@form
def tools_auto():
    return arguments(tool_choice="auto")


@form
def tools_required():
    return arguments(tool_choice="required")


@form
def tools_named():
    return arguments(tool_choice=RECAP)


@form
def tools_allowed():
    allowed = {"mode": "required", "tools": [RECAP]}
    return arguments(tool_choice={"type": "allowed_tools", "allowed_tools": allowed})


@form
def tools_none():
    return ask(tools=TOOLS, tool_choice="none").message.content


@form
def tools_parallel():
    choice = ask(tools=TOOLS, tool_choice="required", parallel_tool_calls=True)
    return [json.loads(call.function.arguments) for call in choice.message.tool_calls]


@form
def tools_answered():
    call = ask(tools=TOOLS).message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "stored"}
    messages = [*MESSAGES, call.model_dump(exclude_none=True), result]
    return ask(tools=TOOLS, messages=messages).message.content


@form
def functions_named():
    message = ask(functions=FUNCTIONS, function_call={"name": "recap"}).message
    return {"name": message.function_call.name, **json.loads(message.function_call.arguments)}


@form
def functions_auto():
    return json.loads(ask(functions=FUNCTIONS).message.function_call.arguments)


@form
def parsed():
    api = client.chat.completions if hasattr(client.chat.completions, "parse") else None
    if api is None and hasattr(getattr(client, "beta", None), "chat"):
        api = client.beta.chat.completions
    if api is None:
        raise MissingFormError
    return (
        api.parse(model=MODEL, messages=MESSAGES, response_format=Recap).choices[0].message.parsed
    )


@form
def stream_text():
    chunks = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@form
def stream_tools():
    chunks = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice=RECAP, stream=True
    )
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    return json.loads("".join(call.function.arguments for call in calls))


@form
def stream_usage():
    chunks = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    *_, last = chunks
    return {"total_tokens": last.usage.total_tokens, "choices": len(last.choices)}


@form
def completions():
    return client.completions.create(model=MODEL, prompt=PROMPT).choices[0].text


@form
def stream_completions():
    chunks = client.completions.create(model=MODEL, prompt=PROMPT, stream=True)
    return "".join(chunk.choices[0].text for chunk in chunks)


main()
