"""What the LLM answered in a run: a fleet passes its texts on whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from trackproof.runs.equality import same_value
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import texts_of
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts


class LlmAnswers:
    """The texts in the LLM's answers."""

    def __init__(self, answers: list[str]) -> None:
        """Take the content of each answer."""
        self._prose = [text for text in answers if not _is_json(text)]
        self._texts = [one for text in answers if _is_json(text) for one in _texts(text)]

    def has(self, text: Any) -> bool:
        """Return whether a text is one of an answer in JSON, or stands in an answer in prose."""
        if not isinstance(text, str):
            return False
        return any(same_value(text, one) for one in self._texts) or any(
            text in prose for prose in self._prose
        )


def llm_answers(run: TaskRun) -> LlmAnswers:
    """Return the answers of all requests of a run."""
    requests = [one for one in run.requests_to("llm") if one.status == 200]
    return LlmAnswers([text for one in requests for text in answer_texts(one.response)])


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "["))


def _texts(text: str) -> Iterator[str]:
    try:
        yield from texts_of(json.loads(text))
    except ValueError:
        yield text
