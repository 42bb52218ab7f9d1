"""Words and topics for the tasks that ask the LLM: new ones each time, for fleets remember."""

from __future__ import annotations

from typing import Any

from trackproof.runs.ids import new_id
from trackproof.runs.task_run import TaskRun


def fresh() -> str:
    """Return a word that nobody has said before."""
    return f"word{new_id()[:10]}"


def words(count: int) -> list[dict[str, Any]]:
    """Return so many words, each one unlike all others, half a second apart."""
    mark = fresh()
    return [
        {
            "word": f"{mark}n{place}",
            "start": place / 2,
            "end": place / 2 + 0.25,
            "speaker": place % 2,
        }
        for place in range(count)
    ]


def topics(count: int) -> list[dict[str, Any]]:
    """Return so many topics with titles and summaries of their own."""
    mark = fresh()
    return [
        {
            "id": f"topic-{place}",
            "title": f"title{mark}n{place}",
            "summary": f"summary{mark}n{place}",
            "timestamp": place * 60.0,
            "duration": 60.0,
        }
        for place in range(count)
    ]


def prompts(run: TaskRun) -> list[str]:
    """Return all that the LLM was told in each call, as one text a call."""
    return [str(request.json) for request in run.asked("llm")]
