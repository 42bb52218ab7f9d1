"""Instructor, 0.3 and later: every mode for an OpenAI-compatible service."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Optional

import instructor
import openai
from forms import KEY, MODEL, PROMPT, URL, MissingFormError, form, main
from instructor.function_calls import Mode
from pydantic import BaseModel


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Topic(BaseModel):
    """One topic."""

    title: str
    summary: str


class Flat(BaseModel):
    """What was said, without references."""

    title: str
    subjects: list[str]


class Recap(BaseModel):
    """What was said."""

    title: str
    topics: list[Topic]
    mood: Mood
    score: Optional[int] = None  # noqa: UP045 - as callers write it


def client_of(mode):
    client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
    if not hasattr(Mode, mode):
        raise MissingFormError
    if hasattr(instructor, "from_openai"):
        return instructor.from_openai(client, mode=getattr(Mode, mode))
    return instructor.patch(client, mode=getattr(Mode, mode))


def ask(mode, model=Recap, messages=None, **options):
    messages = messages or [{"role": "user", "content": PROMPT}]
    return client_of(mode).chat.completions.create(
        model=MODEL, messages=messages, response_model=model, max_retries=0, **options
    )


def with_system(mode):
    system = {"role": "system", "content": "Be brief."}
    return ask(mode, messages=[system, {"role": "user", "content": PROMPT}])


def add_form(name, function, *parts):
    def run():
        return function(*parts)

    run.__name__ = name
    form(run)


for one in ("FUNCTIONS", "TOOLS", "TOOLS_STRICT", "JSON", "JSON_O1", "MD_JSON", "JSON_SCHEMA"):
    add_form(one.lower(), ask, one)
for one in ("TOOLS", "JSON", "MD_JSON", "JSON_SCHEMA"):
    add_form(f"{one.lower()}_system", with_system, one)
    add_form(f"{one.lower()}_flat", ask, one, Flat)


@form
def responses_tools():
    messages = [{"role": "user", "content": PROMPT}]
    return client_of("RESPONSES_TOOLS").chat.completions.create(
        model=MODEL, messages=messages, response_model=Recap, max_retries=0
    )


@form
def tools_iterable():
    return list(ask("TOOLS", Iterable[Topic]))


@form
def json_iterable():
    return list(ask("JSON", Iterable[Topic]))


@form
def parallel_tools():
    return list(ask("PARALLEL_TOOLS", Iterable[Recap]))


def partial(mode):
    if not hasattr(instructor, "from_provider"):
        raise MissingFormError  # older ones fail on today's pydantic
    *_, last = ask(mode, instructor.Partial[Flat], stream=True)
    return last


for one in ("TOOLS", "JSON", "MD_JSON", "JSON_SCHEMA"):
    add_form(f"{one.lower()}_partial", partial, one)

main()
