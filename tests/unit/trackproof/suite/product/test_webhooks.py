"""Webhooks as Daily signs them, and those that a trigger must refuse."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reference_workers.errors import PermanentError
from reference_workers.platform.trigger.daily_webhook import (
    SignatureCheck,
    SignatureError,
    finished_recording,
)
from tests.unit.background import in_background
from trackproof.suite.product.bad_webhooks import BadWebhook, bad_webhooks
from trackproof.suite.product.cases import Case
from trackproof.suite.product.webhooks import Answer, send
from trackproof.testbed.stand_ins.credentials import Credentials
from trackproof.testbed.stand_ins.daily_webhooks import ready_event, signature_headers

KEY = "acme/room-1/1-p-cam-audio-2"


class _Scenario:
    recording_id = "rec-1"
    room_name = "room-1"


CASE = Case(_Scenario(), (KEY,))  # type: ignore[arg-type]
SECRET = Credentials().daily_webhook_secret
NAMES = [webhook.what for webhook in bad_webhooks(CASE, SECRET)]


def headers_of(webhook: BadWebhook) -> dict[str, str]:
    lower = {name.lower(): value for name, value in webhook.headers.items()}
    return {
        "signature": lower.get("x-webhook-signature", ""),
        "timestamp": lower.get("x-webhook-timestamp", ""),
    }


def test_a_signed_event_is_right() -> None:
    body = CASE.event()
    headers = signature_headers(body, SECRET)

    SignatureCheck(SECRET)(
        body,
        signature=headers["X-Webhook-Signature"],
        timestamp=headers["X-Webhook-Timestamp"],
    )

    recording = finished_recording(body, "bucket")
    assert recording is not None
    assert (recording.recording_id, recording.room_name) == ("rec-1", "room-1")
    assert list(recording.track_keys) == [KEY]


@pytest.mark.parametrize("name", NAMES)
def test_only_webhooks_about_signatures_have_a_wrong_one(name: str) -> None:
    # Signed now: a signature of the collection of tests may be too old.
    [webhook] = [one for one in bad_webhooks(CASE, SECRET) if one.what == name]
    try:
        SignatureCheck(SECRET)(webhook.body, **headers_of(webhook))
        right = True
    except SignatureError:
        right = False

    assert right is (webhook.clause != "signature")


def test_bad_webhooks_have_one_fault_each() -> None:
    webhooks = list(bad_webhooks(CASE, SECRET))
    unreadable = []
    for webhook in webhooks:
        try:
            finished_recording(webhook.body, "bucket")
        except PermanentError:
            unreadable.append(webhook.clause)
    assert set(unreadable) == {"unreadable"}
    assert len(unreadable) == sum(one.clause == "unreadable" for one in webhooks)
    ids = [
        json.loads(one.body)["payload"]["recording_id"]
        for one in webhooks
        if one.clause not in {"unreadable", "signature"}
    ]
    assert len(set(ids)) == len(ids)


def test_a_key_with_a_video_is_of_that_type() -> None:
    tracks = json.loads(ready_event("r", "room", ["a-cam-video-1", KEY]))["payload"]["tracks"]

    assert [one["type"] for one in tracks] == ["video", "audio"]


@pytest.mark.parametrize(
    ("status", "accepted", "refused"),
    [(200, True, False), (204, True, False), (302, False, False), (400, False, True),
     (413, False, True), (500, False, False), (0, False, False), (-1, False, False)],
)  # fmt: skip
def test_only_a_4xx_is_a_refusal(status: int, accepted: bool, refused: bool) -> None:
    answer = Answer(status, "")

    assert (answer.accepted, answer.refused) == (accepted, refused)


def test_a_server_that_closes_the_connection_has_given_no_answer() -> None:
    class Closing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Closing) as server, in_background(server):
        answer = send(f"http://127.0.0.1:{server.server_port}/", b"{}", {})

    assert answer.is_closed
    assert answer.is_failure
    assert str(answer).startswith("no answer: ")
