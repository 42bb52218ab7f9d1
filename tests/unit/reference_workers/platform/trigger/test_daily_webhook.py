from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from reference_workers.errors import PermanentError
from reference_workers.platform.trigger.daily_webhook import (
    SignatureCheck,
    SignatureError,
    finished_recording,
)
from tests.unit.reference_workers.platform.trigger.signed_events import KEY, TRACKS, event, signed

BODY = b'{"type": "x"}'
NOW = 1_700_000_000.0


def headers(timestamp: str, body: bytes = BODY) -> dict[str, str]:
    digest = hmac.new(
        base64.b64decode(KEY), timestamp.encode() + b"." + body, hashlib.sha256
    ).digest()
    return {"signature": base64.b64encode(digest).decode(), "timestamp": timestamp}


@pytest.fixture
def check() -> SignatureCheck:
    return SignatureCheck(KEY, clock=lambda: NOW)


@pytest.mark.parametrize(
    "timestamp", ["1700000000", "1700000000000", "1699999701", "1700000299999"]
)
def test_signatures_of_now_are_accepted_in_seconds_and_milliseconds(
    timestamp: str, check: SignatureCheck
) -> None:
    check(BODY, **headers(timestamp))


@pytest.mark.parametrize("timestamp", ["1699999699", "1700000301", "0", "9" * 400])
def test_another_time_is_refused(timestamp: str, check: SignatureCheck) -> None:
    with pytest.raises(SignatureError, match="away"):
        check(BODY, **headers(timestamp))


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "１７００００００００"])
def test_what_is_no_time_is_refused(timestamp: str, check: SignatureCheck) -> None:
    with pytest.raises(SignatureError, match="no epoch time"):
        check(BODY, **headers(timestamp))


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY + b" ", None),
        (BODY, ""),
        (BODY, "not base64 ä"),
        (BODY, base64.b64encode(bytes(32)).decode()),
    ],
)
def test_a_wrong_signature_is_refused(
    body: bytes, signature: str | None, check: SignatureCheck
) -> None:
    given = headers("1700000000")

    with pytest.raises(SignatureError, match="signature is wrong"):
        check(body, **(given if signature is None else {**given, "signature": signature}))


def test_without_a_key_nothing_is_accepted() -> None:
    with pytest.raises(SignatureError, match="no key"):
        SignatureCheck("", clock=lambda: NOW)(BODY, **headers("1700000000"))


def test_a_key_that_is_not_base64_is_an_error() -> None:
    with pytest.raises(ValueError, match="not base64"):
        SignatureCheck("päßword")


def test_an_event_has_its_recording() -> None:
    recording = finished_recording(event("rec-1"), "bucket")

    assert recording is not None
    assert (recording.recording_id, recording.room_name) == ("rec-1", "Standup")
    assert (recording.bucket_name, recording.track_keys) == ("bucket", list(TRACKS))


def test_events_of_other_types_have_none() -> None:
    assert finished_recording(b'{"type": "meeting.started"}', "bucket") is None
    assert finished_recording(b"{}", "bucket") is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"type": "recording.ready-to-download"}', "no payload"),
        (event(recording_id=""), "no id"),
        (event(room_name=None), "no room_name"),
        (event(tracks=(None,)), "no s3Key"),
        (
            json.dumps({**json.loads(event()), "payload": {"id": "r", "room_name": "s"}}).encode(),
            "no list of tracks",
        ),
    ],
)
def test_events_that_cannot_be_read_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(PermanentError, match=reason):
        finished_recording(body, "bucket")


def test_headers_of_the_tests_are_those_of_daily() -> None:
    given = signed(BODY)

    SignatureCheck(KEY)(
        BODY, signature=given["X-Webhook-Signature"], timestamp=given["X-Webhook-Timestamp"]
    )
