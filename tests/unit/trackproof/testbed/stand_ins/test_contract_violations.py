"""Requests are validated against the OpenAPI file of their service."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers

from tests.unit.trackproof.testbed.stand_ins.audio_server import serving
from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.contracts.load import load_contracts
from trackproof.testbed.stand_ins import Credentials, StandIns
from trackproof.testbed.stand_ins.contract_violations import IncomingRequest, _Call, violations

KEYS = Credentials()
ZULIP = (KEYS.zulip_email, KEYS.zulip_key)
TRANSCRIBE = "/v1/audio/transcriptions-from-url"
SECRET = "X-Amz-Signature=0123456789abcdef"
FORM = {"type": "stream", "to": "meetings", "topic": "standup", "content": "Hello 😀"}
DELIVERY = {
    "event": "transcript.completed",
    "event_id": "1",
    "timestamp": 1_700_000_000,
    "transcript": {
        "id": "t-1",
        "room_id": "r-1",
        "created_at": "2026-01-01T00:00:00+00:00",
        "duration": 30.0,
        "title": "Budget",
        "short_summary": "In short",
        "long_summary": "At length",
        "webvtt": "WEBVTT\n",
        "topics": [
            {"title": "a", "summary": "b", "timestamp": 0, "duration": 1, "webvtt": "WEBVTT\n"}
        ],
        "participants": [{"id": "p-1", "name": None, "speaker": 0}],
        "source_language": "en",
        "target_language": "en",
        "status": "ended",
        "frontend_url": "https://notes.test/transcripts/t-1",
    },
    "room": {"id": "r-1", "name": "Standup"},
    "calendar_event": {},
}
DELIVERY_HEADERS = {
    "X-Webhook-Event": "transcript.completed",
    "X-Webhook-Retry": "0",
    "X-Webhook-Signature": f"t=1700000000,v1={'0' * 64}",
}
TRANSCRIPTION = {"audio_file_url": f"http://s3.test/a?{SECRET}", "language": "en", "batch": True}
COMPLETION = {"model": "m", "messages": [{"role": "user", "content": "Find a title"}]}

AS_JSON = {"Authorization": "Bearer k", "Content-Type": "application/json"}

Arguments = dict[str, Any]


def violations_of(
    stand_ins: StandIns, caller: Caller, *call: str, **arguments: Any
) -> tuple[str, ...]:
    """Send a request and return its recorded violations."""
    caller.call(*call, **arguments)
    return stand_ins.ledger.requests()[-1].violations


class RecordedResponse:
    """A response in the protocol of openapi-core."""

    def __init__(self, response: httpx.Response) -> None:
        self.status_code = response.status_code
        self.headers = Headers(dict(response.headers))
        self.data = response.content
        self.content_type = response.headers.get("content-type", "")


@pytest.mark.parametrize(
    ("call", "arguments", "status"),
    [
        (("daily", "GET", "/recordings/rec-1"), {"headers": bearer(KEYS.daily_key)}, 200),
        (("daily", "GET", "/recordings/rec-9"), {"headers": bearer(KEYS.daily_key)}, 404),
        (("daily", "GET", "/recordings/rec-1"), {"headers": bearer("wrong")}, 401),
        (
            ("daily", "GET", "/meetings/session-1/participants"),
            {"headers": bearer(KEYS.daily_key)},
            200,
        ),
        (
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer(KEYS.modal_key), "json": TRANSCRIPTION},
            400,
        ),
        (
            ("llm", "POST", "/chat/completions"),
            {"headers": bearer(KEYS.llm_key), "json": COMPLETION},
            200,
        ),
        (("zulip", "POST", "/api/v1/messages"), {"auth": ZULIP, "data": FORM}, 200),
        (("zulip", "PATCH", "/api/v1/messages/7"), {"auth": ZULIP, "data": {"content": "x"}}, 400),
        (("webhook", "POST", "/any/room"), {"headers": DELIVERY_HEADERS, "json": DELIVERY}, 200),
    ],
)
def test_valid_request_and_its_response_match_the_contract(
    call: tuple[str, str, str],
    arguments: Arguments,
    status: int,
    stand_ins: StandIns,
    caller: Caller,
) -> None:
    response = caller.call(*call, **arguments)

    assert response.status_code == status
    assert stand_ins.ledger.requests()[-1].violations == ()
    if call[0] != "webhook":
        assert response_errors(*call, response) == []


def response_errors(
    service: str, method: str, path: str, response: httpx.Response
) -> list[Exception]:
    contract = OpenAPI.from_dict(load_contracts().services[service])
    call = _Call(method.lower(), path, RequestParameters(header=Headers()), "", None)
    return list(contract.iter_response_errors(call, RecordedResponse(response)))


def test_transcription_matches_the_contract(caller: Caller) -> None:
    with serving({"track.webm": b"audio\nhello 1.5\nworld 2\n"}) as audio:
        body = {"audio_file_url": f"{audio.url}/track.webm", "language": "en", "batch": True}
        response = caller.call(
            "modal", "POST", TRANSCRIBE, headers=bearer(KEYS.modal_key), json=body
        )

    assert response.status_code == 200, response.text
    assert response_errors("modal", "POST", TRANSCRIBE, response) == []


@pytest.mark.parametrize(
    ("call", "arguments", "violation"),
    [
        pytest.param(
            ("daily", "GET", "/recordings/rec-1"),
            {},
            "header Authorization: missing, or of another scheme than the service requires",
            id="no key",
        ),
        pytest.param(
            ("daily", "GET", "/recording/rec-1"),
            {"headers": bearer("k")},
            "unknown path",
            id="wrong path",
        ),
        pytest.param(
            ("daily", "POST", "/recordings/rec-1"),
            {"headers": bearer("k")},
            "method POST is not allowed",
            id="wrong method",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k"), "json": {**TRANSCRIPTION, "language": "English (US)"}},
            "body /language: expected pattern ^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$, "
            "got a string of 12 characters",
            id="wrong value",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k"), "json": {"audio_file_url": "http://s3.test/a", "batch": True}},
            "body /: 'language' is a required property",
            id="missing field",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k"), "data": {"language": "en"}},
            "body: wrong media type, or malformed",
            id="a form for JSON",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": AS_JSON, "content": b"{rubbish"},
            "body: wrong media type, or malformed",
            id="no JSON",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k")},
            "body: missing",
            id="no body",
        ),
        pytest.param(
            ("llm", "POST", "/chat/completions"),
            {"headers": bearer("k"), "json": {**COMPLETION, "messages": []}},
            "body /messages: expected minItems 1, got a list of 0",
            id="too few",
        ),
        pytest.param(
            ("zulip", "POST", "/api/v1/messages"),
            {"auth": ZULIP, "data": {**FORM, "topic": ""}},
            "body /topic: expected minLength 1, got a string of 0 characters",
            id="empty form field",
        ),
        pytest.param(
            ("zulip", "PATCH", "/api/v1/messages/last"),
            {"auth": ZULIP, "data": FORM},
            "path id: missing, or of the wrong type",
            id="wrong path parameter",
        ),
        pytest.param(
            ("webhook", "POST", "/room"),
            {"headers": {**DELIVERY_HEADERS, "X-Webhook-Signature": "sha1=0"}, "json": DELIVERY},
            "header X-Webhook-Signature: expected pattern ^t=[0-9]+,v1=[0-9a-f]{64}$, "
            "got a string of 6 characters",
            id="wrong header",
        ),
        pytest.param(
            ("webhook", "POST", "/room"),
            {"headers": {**DELIVERY_HEADERS, "X-Webhook-Event": "done"}, "json": DELIVERY},
            "header X-Webhook-Event: expected const transcript.completed, "
            "got a string of 4 characters",
            id="unknown event",
        ),
    ],
)
def test_violation_names_the_field(
    call: tuple[str, str, str],
    arguments: Arguments,
    violation: str,
    stand_ins: StandIns,
    caller: Caller,
) -> None:
    assert violation in violations_of(stand_ins, caller, *call, **arguments)


def test_violation_contains_no_value(stand_ins: StandIns, caller: Caller) -> None:
    body = {"audio_file_url": f"ftp://s3.test/a?{SECRET}", "language": SECRET, "batch": SECRET}

    messages = violations_of(
        stand_ins, caller, "modal", "POST", TRANSCRIBE, headers=bearer(SECRET), json=body
    )

    assert len(messages) == 3
    assert SECRET not in str(messages)


def test_invalid_request_gets_the_response_of_the_service(
    stand_ins: StandIns, caller: Caller
) -> None:
    key = bearer(stand_ins.credentials.llm_key)
    answer = caller.call("llm", "POST", "/chat/completions", headers=key, json={"model": 1})

    assert answer.status_code == 400


def test_services_with_a_contract_are_the_served_ones() -> None:
    assert set(StandIns()._services) == set(load_contracts().services)


def test_binary_body_is_a_violation() -> None:
    headers = (("authorization", "Bearer k"), ("content-type", "application/json"))

    messages = violations(
        "llm", IncomingRequest("POST", "/chat/completions", {}, headers, b"\xff\xfe\x00")
    )

    assert messages != ()


def test_large_prompt_is_validated() -> None:
    headers = (("authorization", "Bearer k"), ("content-type", "application/json"))
    content = {**COMPLETION, "messages": [{"role": "user", "content": "word " * 200_000}]}
    body = json.dumps(content).encode()

    assert violations("llm", IncomingRequest("POST", "/chat/completions", {}, headers, body)) == ()
