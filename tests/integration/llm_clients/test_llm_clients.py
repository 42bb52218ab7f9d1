"""Client libraries get from the LLM stand-in what they ask for, in every form they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.llm_clients.environments import CLIENTS, Client, ask_every_form, install
from trackproof.testbed.stand_ins import StandIns

EVERY_RUN = "instructor-newest"
RUNS = [
    pytest.param(
        client, id=client.name, marks=() if client.name == EVERY_RUN else pytest.mark.nightly
    )
    for client in CLIENTS
]


@pytest.fixture
def stand_ins() -> StandIns:
    return StandIns(tracers={"albatross", "bergamot"}, vocabulary={"budget", "launch"})


@pytest.mark.parametrize("client", RUNS)
def test_library_understands_every_answer(
    client: Client, stand_ins: StandIns, tmp_path: Path
) -> None:
    python = install(client, tmp_path / "venv")

    with stand_ins.serve() as served:
        url, key = f"{served.urls['llm']}/v1", stand_ins.credentials.llm_key
        results = ask_every_form(client, python, url, key)

    errors = {form: result["error"] for form, result in results.items() if "error" in result}
    refused = {form for form, error in errors.items() if "has no target" in error}
    assert refused == client.refused
    assert {form: text for form, text in errors.items() if form not in refused} == {}
    texts = {form: str(result).lower() for form, result in results.items() if form not in refused}
    texts.pop("stream_usage", None)
    assert [form for form, text in texts.items() if "albatross" not in text] == []
    assert len(texts) >= client.least_forms, sorted(texts)
    asked = [
        one for one in stand_ins.ledger.requests("llm") if one.path.endswith("/chat/completions")
    ]
    assert [one.violations for one in asked if one.violations] == []
