"""Requests recorded from client libraries (tests/integration/llm_clients/record.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import StandIns
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts

FOLDER = Path(__file__).parent / "recorded_llm_requests"
RECORDED = [
    pytest.param(one, id=f"{file.stem}-{one['form']}-{number}")
    for file in sorted(FOLDER.glob("*.json"))
    for number, one in enumerate(json.loads(file.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("recorded", RECORDED)
def test_answer_has_the_shape_that_the_library_understood(
    recorded: dict[str, Any], stand_ins: StandIns, caller: Caller
) -> None:
    answer = caller.call(
        "llm",
        "POST",
        recorded["path"],
        json=recorded["body"],
        headers=bearer(stand_ins.credentials.llm_key),
    )

    if recorded["answer"] == "refused":
        assert answer.status_code == 400
        assert "has no target" in answer.json()["error"]["message"]
        return
    assert answer.status_code == 200, answer.text
    texts = answer_texts(answer.content)
    assert all("albatross" in text.lower() for text in texts)
    if recorded["answer"] == "prose":
        assert all(not text.startswith(("{", "[")) for text in texts)
    else:
        assert [sorted(json.loads(text)) for text in texts] == recorded["answer"]


def test_every_library_is_recorded() -> None:
    names = {file.stem.split("-")[0] for file in FOLDER.glob("*.json")}

    assert names == {"openai", "instructor", "langchain", "llama"}
