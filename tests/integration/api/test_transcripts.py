from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from pydantic import SecretStr

from reference_workers.services.object_keys import waveform_file
from reference_workers.settings import Settings
from tests.integration.api.api_process import ServedApi, serve_api
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, topic, words

PATH = f"/transcripts/{TRANSCRIPT_ID}"
TOKEN = "a-token-that-opens"
INVALID_IDS = ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "a%0ab", "x" * 129, "%ff", "a b", "é"]


def test_a_transcript(api: ServedApi) -> None:
    with api.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.title = "Budget"
        unit.transcript.topics = [topic()]
        unit.transcript.words = words(3)
        unit.transcript.duration = 61.5
        unit.set_status("processing")
    answer = api.get(PATH).json()

    assert answer.pop("created_at").endswith(("Z", "+00:00"))
    assert answer == {
        "id": TRANSCRIPT_ID,
        "recording_id": "rec-1",
        "room_id": "room-1",
        "status": "processing",
        "title": "Budget",
        "long_summary": None,
        "short_summary": None,
        "topics": [topic()],
        "participants": [],
        "duration": 61.5,
        "source_language": "en",
        "target_language": "en",
        "audio_deleted": False,
    }


def test_words_are_paginated(api: ServedApi) -> None:
    stored = words(12)
    with api.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.words = stored
    received: list[Any] = []
    offset: int | None = 0
    while offset is not None:
        page = api.get(f"{PATH}/words", params={"offset": offset, "limit": 5}).json()
        assert (page["total"], page["offset"]) == (12, offset)
        received += page["words"]
        offset = page["next_offset"]

    assert received == stored
    beyond = api.get(f"{PATH}/words", params={"offset": 13}).json()
    assert beyond == {"total": 12, "offset": 13, "words": [], "next_offset": None}


def test_a_transcript_without_words_has_none(api: ServedApi) -> None:
    page = api.get(f"{PATH}/words").json()

    assert page == {"total": 0, "offset": 0, "words": [], "next_offset": None}


@pytest.mark.parametrize("query", ["offset=-1", "limit=0", "limit=5001", "offset=a", "offset=1e9"])
def test_invalid_pages_are_422(api: ServedApi, query: str) -> None:
    response = api.get(f"{PATH}/words?{query}")

    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"query.{query.partition('=')[0]}: ")


@pytest.mark.parametrize("rest", ["", "/words", "/audio", "/waveform"])
def test_an_unknown_transcript_is_404(api: ServedApi, rest: str) -> None:
    response = api.get(f"/transcripts/unknown{rest}")

    assert response.status_code == 404
    assert response.json()["detail"] == "there is no transcript unknown"


@pytest.mark.parametrize("rest", ["", "/words", "/audio", "/waveform"])
def test_invalid_ids_are_refused_and_not_echoed(api: ServedApi, rest: str) -> None:
    for invalid in INVALID_IDS:
        response = api.get(f"/transcripts/{invalid}{rest}")
        assert response.status_code in {404, 422}, invalid
        assert response.headers["content-type"] == "application/problem+json"
        assert "passwd" not in response.text


def test_the_waveform(api: ServedApi, settings: Settings) -> None:
    assert api.get(f"{PATH}/waveform").status_code == 404

    stored = waveform_file(settings.data_dir, TRANSCRIPT_ID)
    stored.parent.mkdir(parents=True)
    stored.write_text(json.dumps({"data": [0.0, 0.5, 1.0]}))

    assert api.get(f"{PATH}/waveform").json() == {"data": [0.0, 0.5, 1.0]}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data": ["loud"]}'])
def test_a_broken_waveform_is_a_503(api: ServedApi, settings: Settings, content: str) -> None:
    stored = waveform_file(settings.data_dir, TRANSCRIPT_ID)
    stored.parent.mkdir(parents=True)
    stored.write_text(content)

    response = api.get(f"{PATH}/waveform")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert str(settings.data_dir) not in response.text


def test_a_database_failure_is_503_without_details(settings: Settings) -> None:
    if not settings.database_url.startswith("sqlite"):
        pytest.skip("drops a table of a SQLite file")
    with serve_api(settings) as api:
        api.state.close()
        with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as broken:
            broken.execute("DROP TABLE transcripts")
        response = api.get(PATH)

    assert response.status_code == 503
    assert response.json()["detail"].startswith("the database or the storage does not answer")


def test_configured_tokens_are_required(settings: Settings) -> None:
    with serve_api(settings.model_copy(update={"api_tokens": (SecretStr(TOKEN),)})) as api:
        for path in ("/conductor/health", "/recordings/rec-1", PATH, f"{PATH}/audio"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
                response = api.get(path, headers=headers)
                assert (response.status_code, response.headers["www-authenticate"]) == (
                    401,
                    "Bearer",
                )
        assert api.get(f"{PATH}?token={TOKEN}").status_code == 401
        assert api.get(PATH, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_rebound_host_name_is_403(api: ServedApi) -> None:
    response = api.get(PATH, headers={"Host": "rebound.evil.test"})

    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"


def test_cors_allows_only_the_frontend(api: ServedApi) -> None:
    frontend, other = (
        api.get(PATH, headers={"Origin": origin}).headers
        for origin in ("https://notes.test", "https://evil.test")
    )

    assert frontend["access-control-allow-origin"] == "https://notes.test"
    assert "access-control-allow-origin" not in other


def test_only_reading_methods_are_allowed(api: ServedApi) -> None:
    response = api.http.post(PATH)

    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.json()["title"] == "Method Not Allowed"
