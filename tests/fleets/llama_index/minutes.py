"""Topics, title and summary of a meeting, by llama-index."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import httpx
from llama_index.core import Settings
from llama_index.core.bridge.pydantic import BaseModel, Field
from llama_index.core.llms import ChatMessage
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.llms.openai_like import OpenAILike
from store import save, store_answer, stored_answer

MODEL = "minutes-1"
WORDS_PER_CALL = 300
MOST_SUBJECTS = 6
Settings.tokenizer = str.split  # the default one is downloaded


class Topic(BaseModel):
    """What one part of a meeting is about."""

    title: str = Field(min_length=1)
    summary: str


class Headline(BaseModel):
    """A meeting's title."""

    title: str = Field(min_length=1)


class Subjects(BaseModel):
    """The main subjects of a meeting."""

    subjects: list[str]


class AnswerError(Exception):
    """The model did not answer what it was asked for; the message has its reason."""


class Answers(httpx.HTTPTransport):
    """Makes answers what llama-index can read: no lists of parts, no errors with status 200."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = super().handle_request(request)
        response.read()
        try:
            answer = response.json()
        except ValueError:
            return response
        if not isinstance(answer, dict) or not response.is_success:
            return response
        if answer.get("error"):
            raise AnswerError(f"the provider answers: {json.dumps(answer['error'])[:300]}")
        for choice in answer.get("choices") or []:
            message = choice.get("message") or {}
            if isinstance(message.get("content"), list):
                parts = [one.get("text") or "" for one in message["content"]]
                message["content"] = "".join(parts)
        return httpx.Response(response.status_code, json=answer, request=request)


def model(*, functions: bool = False) -> OpenAILike:
    """Return the model. Conductor retries, so the client does not."""
    return OpenAILike(
        model=MODEL,
        api_base=os.environ["LLM_URL"],
        api_key=os.environ["LLM_API_KEY"],
        is_chat_model=True,
        is_function_calling_model=functions,
        context_window=1_000_000,
        max_retries=0,
        timeout=20.0,
        http_client=httpx.Client(transport=Answers(), timeout=20.0),
    )


def remembered(parts: list[Any], ask: Callable[[], Any]) -> Any:
    """Return the stored answer to the same question, or ask and store it."""
    key = hashlib.sha256(json.dumps([MODEL, *parts]).encode()).hexdigest()
    answer = stored_answer(key)
    if answer is None:
        answer = ask()
        store_answer(key, answer)
    return answer


def detect_topics(given: dict[str, Any]) -> dict[str, Any]:
    """Return one topic for each group of words."""
    language = given.get("target_language") or "en"
    words = given["words"]
    groups = [words[at : at + WORDS_PER_CALL] for at in range(0, len(words), WORDS_PER_CALL)]
    topics = []
    for number, group in enumerate(groups):
        text = " ".join(word["word"] for word in group)
        found = remembered(["topic", language, text], lambda t=text: _topic(t, language))
        start = group[0]["start"]
        topics.append(
            {
                "id": f"{given['transcript_id']}-{number}",
                **found,
                "timestamp": start,
                "duration": max(word["end"] for word in group) - start,
            }
        )
    messages = [("TOPIC", topic) for topic in topics]
    save(given["transcript_id"], {"topics": json.dumps(topics)}, messages)
    return {"topics": topics}


def _topic(text: str, language: str) -> dict[str, str]:
    program = LLMTextCompletionProgram.from_defaults(
        output_parser=PydanticOutputParser(output_cls=Topic),
        prompt_template_str="Name the topic of this part of a meeting, in {language}.\n\n{text}",
        llm=model(),
    )
    topic = program(text=text, language=language)
    return {"title": topic.title, "summary": topic.summary}


def generate_title(given: dict[str, Any]) -> dict[str, Any]:
    """Return a title made of the topics."""
    topics, title = given["topics"], "Untitled Meeting"
    if topics:
        title = remembered(["title", topics], lambda: _title(_outline(topics)))
    save(given["transcript_id"], {"headline": title}, [("FINAL_TITLE", {"title": title})])
    return {"title": title}


def _title(outline: str) -> str:
    """Ask by hand, since a program hides why there is no title."""
    parser = PydanticOutputParser(output_cls=Headline)
    prompt = parser.format(f"Give this meeting a title.\n\n{outline}")
    message, choice = _chat(prompt)
    for text in _texts(message, choice):
        try:
            return str(parser.parse(text.rpartition("</think>")[2]).title)
        except ValueError:
            continue
    if message.get("refusal"):
        raise AnswerError(f"the model refused: {message['refusal']}")
    raise AnswerError(f"no title in the answer, finish_reason {choice.get('finish_reason')}")


def _chat(prompt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = model().chat([ChatMessage(role="user", content=prompt)])
    choice = answer.raw.choices[0].model_dump()
    return choice["message"], choice


def _texts(message: dict[str, Any], choice: dict[str, Any]) -> list[str]:
    if choice.get("finish_reason") in ("length", "content_filter"):
        return []
    calls = message.get("tool_calls") or []
    texts = [message.get("content"), *(call["function"]["arguments"] for call in calls)]
    return [text for text in texts if text]


def generate_summary(given: dict[str, Any]) -> dict[str, Any]:
    """Return a long summary with a paragraph for each subject, and a recap."""
    answer = {"summary": "", "short_summary": ""}
    if given["words"]:
        asked = ["summary", given["words"], given["topics"]]
        answer = remembered(asked, lambda: _summary(given["words"], given["topics"]))
    save(
        given["transcript_id"],
        {"minutes": answer["summary"], "recap": answer["short_summary"]},
        [
            ("FINAL_LONG_SUMMARY", {"long_summary": answer["summary"]}),
            ("FINAL_SHORT_SUMMARY", {"short_summary": answer["short_summary"]}),
        ],
    )
    return answer


def _summary(words: list[dict[str, Any]], topics: list[dict[str, Any]]) -> dict[str, str]:
    meeting = f"{_outline(topics)}\n\n{_dialogue(words)}"
    program = FunctionCallingProgram.from_defaults(
        output_cls=Subjects,
        prompt_template_str="List the main subjects of this meeting.\n\n{meeting}",
        llm=model(functions=True),
    )
    subjects = program(meeting=meeting).subjects[:MOST_SUBJECTS]
    write = TreeSummarize(llm=model(), verbose=False).get_response
    paragraphs = []
    for subject in subjects:
        details = write(f"Collect all details about {subject}.", [meeting])
        paragraph = write(f"Write a paragraph about {subject}.", [str(details)])
        paragraphs.append(f"## {subject}\n\n{paragraph}")
    recap = str(write("Recap the meeting in one sentence.", [meeting]))
    return {"summary": "\n\n".join(paragraphs) or recap, "short_summary": recap}


def _outline(topics: list[dict[str, Any]]) -> str:
    return "\n".join(f"- {topic['title']}: {topic['summary']}" for topic in topics)


def _dialogue(words: list[dict[str, Any]]) -> str:
    turns: list[str] = []
    speaker = None
    for word in words:
        if word["speaker"] != speaker:
            speaker = word["speaker"]
            turns.append(f"Speaker {speaker}:")
        turns[-1] += f" {word['word']}"
    return "\n".join(turns)
