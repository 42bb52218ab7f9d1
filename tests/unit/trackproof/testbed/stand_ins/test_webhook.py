from __future__ import annotations

import hashlib
import hmac

import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller
from trackproof.testbed.stand_ins import SignatureError, StandIns, sign, verify_signature

BODY = '{"event": "transcript.completed",\n "title": "Überblick"}'.encode()
SECRET = "a shared secret"


def test_delivery_is_recorded_unchanged(stand_ins: StandIns, caller: Caller) -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-Event": "transcript.completed",
        "X-Webhook-Retry": "2",
    }

    answer = caller.call("webhook", "POST", "/hooks/42?a=b", content=BODY, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {})
    (delivery,) = stand_ins.webhook.deliveries("transcript.completed")
    assert delivery.body == BODY
    assert delivery.path == "/hooks/42"
    assert delivery.query == {"a": "b"}
    assert delivery.header("X-Webhook-Retry") == "2"
    assert delivery.json["title"] == "Überblick"
    assert stand_ins.webhook.deliveries("test") == []


def test_delivery_may_go_to_the_base_url(stand_ins: StandIns, caller: Caller) -> None:
    assert caller.call("webhook", "POST", "/").status_code == 200
    assert stand_ins.webhook.deliveries()[0].path == "/"


def test_delivery_is_verified_against_its_time_of_arrival(
    stand_ins: StandIns, caller: Caller
) -> None:
    caller.call("webhook", "POST", "/hook", content=BODY)
    sent_at = int(stand_ins.webhook.deliveries()[0].received_at)
    signature = sign(stand_ins.credentials.webhook_secret, BODY, sent_at)

    caller.call(
        "webhook", "POST", "/hook", content=BODY, headers={"X-Webhook-Signature": signature}
    )

    unsigned, signed = stand_ins.webhook.deliveries()
    assert stand_ins.webhook.verify(signed) == sent_at
    with pytest.raises(SignatureError, match="not of the form"):
        stand_ins.webhook.verify(unsigned)


def test_only_post_is_allowed(caller: Caller) -> None:
    assert caller.call("webhook", "GET", "/hook").status_code == 405


def test_signature_is_the_hex_hmac_of_time_and_body() -> None:
    expected = hmac.new(SECRET.encode(), b"1700000000." + BODY, hashlib.sha256).hexdigest()

    assert sign(SECRET, BODY, 1_700_000_000) == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize("seconds_off", [-300, 0, 300])
def test_signature_is_valid_within_the_tolerance(seconds_off: int) -> None:
    header = sign(SECRET, BODY, 1_700_000_000)

    timestamp = verify_signature(SECRET, header, BODY, 1_700_000_000 + seconds_off, 300)

    assert timestamp == 1_700_000_000


@pytest.mark.parametrize("seconds_off", [-301, 301])
def test_signature_outside_the_tolerance_is_invalid(seconds_off: int) -> None:
    header = sign(SECRET, BODY, 1_700_000_000)

    with pytest.raises(SignatureError, match="301 s off, 300 s are allowed"):
        verify_signature(SECRET, header, BODY, 1_700_000_000 + seconds_off, 300)


@pytest.mark.parametrize(
    ("secret", "body"), [("another secret", BODY), (SECRET, BODY + b" "), (SECRET, b"")]
)
def test_signature_of_another_secret_or_body_is_invalid(secret: str, body: bytes) -> None:
    header = sign(secret, body, 1_700_000_000)

    with pytest.raises(SignatureError, match="does not match"):
        verify_signature(SECRET, header, BODY, 1_700_000_000)


def test_signature_covers_the_timestamp() -> None:
    header = sign(SECRET, BODY, 1_700_000_000).replace("t=1700000000", "t=1700000001")

    with pytest.raises(SignatureError, match="does not match"):
        verify_signature(SECRET, header, BODY, 1_700_000_001)


@pytest.mark.parametrize(
    "header",
    ["", "t=1,v1=", "v1=" + "0" * 64, "t=x,v1=" + "0" * 64, "t=1,v1=" + "0" * 63, "t=1, v1=é"],
)
def test_malformed_header_is_invalid(header: str) -> None:
    with pytest.raises(SignatureError, match="not of the form"):
        verify_signature(SECRET, header, BODY, 1)
