"""The OpenAI client before 1.0, alone and patched by Instructor 0.2."""

from __future__ import annotations

import json

import openai
from forms import KEY, PROMPT, URL, MissingFormError, form, main

try:
    import instructor
except ImportError:
    instructor = None

openai.api_base = URL
openai.api_key = KEY


SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "topics": {"type": "array", "items": {"$ref": "#/definitions/Topic"}},
    },
    "required": ["title", "topics"],
    "definitions": {
        "Topic": {
            "type": "object",
            "properties": {"title": {"type": "string"}, "summary": {"type": "string"}},
        }
    },
}
FUNCTIONS = [{"name": "recap", "parameters": SCHEMA}]


def ask(**options):
    messages = [{"role": "user", "content": PROMPT}]
    return openai.ChatCompletion.create(model="gpt-4-0613", messages=messages, **options)


@form
def text():
    return ask()["choices"][0]["message"]["content"]


@form
def functions_auto():
    message = ask(functions=FUNCTIONS)["choices"][0]["message"]
    return json.loads(message["function_call"]["arguments"])


@form
def functions_named():
    message = ask(functions=FUNCTIONS, function_call={"name": "recap"})["choices"][0]["message"]
    return json.loads(message["function_call"]["arguments"])


@form
def stream_functions():
    pieces = [
        chunk["choices"][0]["delta"].get("function_call", {}).get("arguments", "")
        for chunk in ask(functions=FUNCTIONS, function_call={"name": "recap"}, stream=True)
    ]
    return json.loads("".join(pieces))


@form
def completions():
    return openai.Completion.create(model="davinci", prompt=PROMPT)["choices"][0]["text"]


@form
def instructor_functions():
    if instructor is None:
        raise MissingFormError

    class Recap(instructor.OpenAISchema):
        """What was said."""

        title: str
        subjects: list[str]

    schema = Recap.openai_schema
    return Recap.from_response(ask(functions=[schema], function_call={"name": schema["name"]}))


main()
