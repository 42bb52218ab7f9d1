"""Every request is held against the OpenAPI file of its service."""

from __future__ import annotations

import json
from typing import Any

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


def told(stand_ins: StandIns, caller: Caller, *call: str, **arguments: Any) -> tuple[str, ...]:
    caller.call(*call, **arguments)
    last = stand_ins.ledger.last()
    assert last is not None
    return last.violations


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (("daily", "GET", "/recordings/rec-1"), {"headers": bearer(KEYS.daily_key)}),
        (("daily", "GET", "/meetings/session-1/participants"), {"headers": bearer("wrong")}),
        (("modal", "POST", TRANSCRIBE), {"headers": bearer("k"), "json": TRANSCRIPTION}),
        (("llm", "POST", "/chat/completions"), {"headers": bearer("k"), "json": COMPLETION}),
        (("llm", "POST", "/v1/chat/completions"), {"headers": bearer("k"), "json": COMPLETION}),
        (("zulip", "POST", "/api/v1/messages"), {"auth": ZULIP, "data": FORM}),
        (("zulip", "PATCH", "/api/v1/messages/7"), {"auth": ZULIP, "data": {"content": "x"}}),
        (("webhook", "POST", "/any/room"), {"headers": DELIVERY_HEADERS, "json": DELIVERY}),
    ],
)
def test_what_a_fleet_sends_by_the_contract_breaks_nothing(
    call: tuple[str, str, str], arguments: Arguments, stand_ins: StandIns, caller: Caller
) -> None:
    assert told(stand_ins, caller, *call, **arguments) == ()


@pytest.mark.parametrize(
    ("call", "arguments", "breach"),
    [
        pytest.param(
            ("daily", "GET", "/recordings/rec-1"),
            {},
            "header Authorization: missing, or of another scheme than the service wants",
            id="no key",
        ),
        pytest.param(
            ("daily", "GET", "/recording/rec-1"),
            {"headers": bearer("k")},
            "there is no such path",
            id="wrong path",
        ),
        pytest.param(
            ("daily", "POST", "/recordings/rec-1"),
            {"headers": bearer("k")},
            "nothing answers POST there",
            id="wrong method",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k"), "json": {**TRANSCRIPTION, "language": "English (US)"}},
            "body /language: pattern ^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$ is wanted, "
            "a string of 12 characters is there",
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
            "body: not of the media type that the service takes, or cannot be parsed as such",
            id="a form for JSON",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": AS_JSON, "content": b"{rubbish"},
            "body: not of the media type that the service takes, or cannot be parsed as such",
            id="no JSON",
        ),
        pytest.param(
            ("modal", "POST", TRANSCRIBE),
            {"headers": bearer("k")},
            "body: it is missing",
            id="no body",
        ),
        pytest.param(
            ("llm", "POST", "/chat/completions"),
            {"headers": bearer("k"), "json": {**COMPLETION, "messages": []}},
            "body /messages: minItems 1 is wanted, a list of 0 is there",
            id="too few",
        ),
        pytest.param(
            ("zulip", "POST", "/api/v1/messages"),
            {"auth": ZULIP, "data": {**FORM, "topic": ""}},
            "body /topic: minLength 1 is wanted, a string of 0 characters is there",
            id="empty form field",
        ),
        pytest.param(
            ("zulip", "PATCH", "/api/v1/messages/last"),
            {"auth": ZULIP, "data": FORM},
            "path id: missing, or not of its type",
            id="wrong path parameter",
        ),
        pytest.param(
            ("webhook", "POST", "/room"),
            {"headers": {**DELIVERY_HEADERS, "X-Webhook-Signature": "sha1=0"}, "json": DELIVERY},
            "header X-Webhook-Signature: pattern ^t=[0-9]+,v1=[0-9a-f]{64}$ is wanted, "
            "a string of 6 characters is there",
            id="wrong header",
        ),
        pytest.param(
            ("webhook", "POST", "/room"),
            {"headers": {**DELIVERY_HEADERS, "X-Webhook-Event": "done"}, "json": DELIVERY},
            "header X-Webhook-Event: const transcript.completed is wanted, "
            "a string of 4 characters is there",
            id="unknown event",
        ),
    ],
)
def test_a_breach_names_the_field(
    call: tuple[str, str, str],
    arguments: Arguments,
    breach: str,
    stand_ins: StandIns,
    caller: Caller,
) -> None:
    assert breach in told(stand_ins, caller, *call, **arguments)


def test_a_breach_never_tells_a_value(stand_ins: StandIns, caller: Caller) -> None:
    body = {"audio_file_url": f"ftp://s3.test/a?{SECRET}", "language": SECRET, "batch": SECRET}

    found = told(stand_ins, caller, "modal", "POST", TRANSCRIBE, headers=bearer(SECRET), json=body)

    assert len(found) == 3
    assert SECRET not in str(found)


def test_the_answer_is_what_the_service_would_say(stand_ins: StandIns, caller: Caller) -> None:
    key = bearer(stand_ins.credentials.llm_key)
    answer = caller.call("llm", "POST", "/chat/completions", headers=key, json={"model": 1})

    assert answer.status_code == 400


def test_every_service_with_a_contract_is_served_and_the_other_way_round() -> None:
    assert set(StandIns()._services) == set(load_contracts().services)


def asked(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> _Call:
    parameters = RequestParameters(header=Headers(headers))
    return _Call(method.lower(), path, parameters, headers.get("Content-Type", ""), body or None)


class Answered:
    """A stand-in's answer as openapi-core takes it."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status_code, self.headers, self.data = status, Headers(dict(headers)), body
        self.content_type = headers.get("content-type", "")


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (("daily", "GET", "/recordings/rec-1"), {"headers": bearer(KEYS.daily_key)}),
        (("daily", "GET", "/recordings/rec-9"), {"headers": bearer(KEYS.daily_key)}),
        (("daily", "GET", "/recordings/rec-1"), {"headers": bearer("wrong")}),
        (("daily", "GET", "/meetings/session-1/participants"), {"headers": bearer(KEYS.daily_key)}),
        (
            ("llm", "POST", "/chat/completions"),
            {"headers": bearer(KEYS.llm_key), "json": COMPLETION},
        ),
        (("llm", "POST", "/chat/completions"), {"headers": bearer(KEYS.llm_key), "json": {}}),
        (("zulip", "POST", "/api/v1/messages"), {"auth": ZULIP, "data": FORM}),
        (("zulip", "PATCH", "/api/v1/messages/7"), {"auth": ZULIP, "data": {"content": "x"}}),
        (("modal", "POST", TRANSCRIBE), {"headers": bearer(KEYS.modal_key), "json": TRANSCRIPTION}),
    ],
)
def test_the_stand_ins_answer_by_the_same_contract(
    call: tuple[str, str, str], arguments: Arguments, stand_ins: StandIns, caller: Caller
) -> None:
    service, method, path = call
    answer = caller.call(*call, **arguments)
    contract = OpenAPI.from_dict(load_contracts().services[service])

    errors = list(
        contract.iter_response_errors(
            asked(method, path, {}), Answered(answer.status_code, answer.headers, answer.content)
        )
    )

    assert errors == []


def test_a_transcription_fits_the_contract(caller: Caller) -> None:
    with serving({"track.webm": b"audio\nhello 1.5\nworld 2\n"}) as audio:
        body = {"audio_file_url": f"{audio.url}/track.webm", "language": "en", "batch": True}
        answer = caller.call("modal", "POST", TRANSCRIBE, headers=bearer(KEYS.modal_key), json=body)
    contract = OpenAPI.from_dict(load_contracts().services["modal"])

    assert answer.status_code == 200, answer.text
    errors = contract.iter_response_errors(
        asked("POST", TRANSCRIBE, {}), Answered(200, answer.headers, answer.content)
    )
    assert list(errors) == []


def test_bytes_that_are_no_text_are_told_not_raised() -> None:
    headers = (("authorization", "Bearer k"), ("content-type", "application/json"))

    found = violations(
        "llm", IncomingRequest("POST", "/chat/completions", {}, headers, b"\xff\xfe\x00")
    )

    assert found != ()


def test_a_large_prompt_is_held_against_the_contract_too() -> None:
    headers = (("authorization", "Bearer k"), ("content-type", "application/json"))
    content = {**COMPLETION, "messages": [{"role": "user", "content": "word " * 200_000}]}
    body = json.dumps(content).encode()

    assert violations("llm", IncomingRequest("POST", "/chat/completions", {}, headers, body)) == ()
