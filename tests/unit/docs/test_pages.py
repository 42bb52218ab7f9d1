"""The generated pages are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.__main__ import DOCS, main
from tests.docs.api_reference import trigger_document
from tests.docs.diagrams import data_flow, deployment
from tests.docs.pages import PAGES
from trackproof.contracts.load import load_contracts


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `nox -s docs`"


def test_an_old_page_fails_the_check_and_is_written_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.__main__.DOCS", tmp_path)
    monkeypatch.setattr("tests.docs.__main__.PAGES", {"page.md": lambda: "# A page\n"})

    assert main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_the_data_flow_names_the_fields_that_pass() -> None:
    edges = list(data_flow(load_contracts()))

    assert 'get_recording -->|"mtg_session_id"| get_participants' in edges
    assert 'join_track_padding -->|"padded_url"| mixdown_tracks' in edges
    assert 'detect_topics -->|"topics"| generate_title' in edges


def test_the_deployment_shows_replicas_ports_and_profiles() -> None:
    api = {"ports": ["127.0.0.1:${API_PORT:-8010}:80"], "depends_on": {"database": {}}}
    workers = {"deploy": {"replicas": "${N:-3}"}, "profiles": ["old"], "volumes": ["data:/data"]}

    lines = list(deployment({"api": api, "workers": workers}))

    assert 'port_8010(["port 8010"]) --> |"80"| api' in lines
    assert "api --> database" in lines
    assert 'workers["workers<br/>3 replicas<br/>profile old"]' in lines
    assert 'workers -.- data[("data")]' in lines


def test_the_trigger_documents_its_webhook() -> None:
    [(path, methods)] = trigger_document()["paths"].items()

    assert path == "/webhooks/daily"
    assert set(methods["post"]["responses"]) == {200, 401, 404, 413, 422, 503}
