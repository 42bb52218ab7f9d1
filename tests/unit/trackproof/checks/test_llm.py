from __future__ import annotations

import json
from typing import Any

import pytest

from trackproof.checks.llm import prompt
from trackproof.testbed.stand_ins.contract_violations import IncomingRequest
from trackproof.testbed.stand_ins.ledger import Ledger


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"content": "the albatross"}, {"content": 'it\'s "here"'}]},
        {"messages": [{"content": [{"text": "the albatross"}, {"text": 'it\'s "here"'}]}]},
        {"prompt": 'the albatross\nit\'s "here"'},
        {"messages": [{"content": 'the albatross\nit\'s "here"'}, {"content": None}]},
    ],
)
def test_prompt_is_the_text_of_a_request_in_any_form(body: dict[str, Any]) -> None:
    ledger = Ledger()
    ledger.open(
        "llm", IncomingRequest("POST", "/chat/completions", {}, (), json.dumps(body).encode()), ()
    )

    (request,) = ledger.requests("llm")
    assert prompt(request) == 'the albatross\nit\'s "here"'
