"""Unique words and topics as task inputs, so that no answer comes from a fleet's cache."""

from __future__ import annotations

from typing import Any

from trackproof.runs.ids import new_id
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import WordText, texts_of


def _unique_word() -> str:
    return f"word{new_id()[:10]}"


def make_words(count: int) -> list[dict[str, Any]]:
    """Return distinct words of two speakers, one every half second."""
    prefix = _unique_word()
    return [
        {
            "word": f"{prefix}n{index}",
            "start": index / 2,
            "end": index / 2 + 0.25,
            "speaker": index % 2,
        }
        for index in range(count)
    ]


def make_topics(count: int) -> list[dict[str, Any]]:
    """Return topics with distinct titles and summaries, one a minute."""
    prefix = _unique_word()
    return [
        {
            "id": f"topic-{index}",
            "title": f"title{prefix}n{index}",
            "summary": f"summary{prefix}n{index}",
            "timestamp": index * 60.0,
            "duration": 60.0,
        }
        for index in range(count)
    ]


def prompts(run: TaskRun) -> list[WordText]:
    """Return the texts of each request to the LLM, in which words are looked up."""
    return [WordText(*texts_of(request.json)) for request in run.requests_to("llm")]
