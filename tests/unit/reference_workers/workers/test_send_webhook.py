from __future__ import annotations

import json
from typing import Any

import pytest

from reference_workers.errors import TransientError
from reference_workers.platform.seed import seed
from reference_workers.workers.send_webhook import send_webhook
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
    meeting_rows,
    topic,
    word,
)
from trackproof.testbed.stand_ins import Fault, Request

PAYLOAD = {"transcript_id": TRANSCRIPT_ID, "room_id": "room-1"}
NAMES = ["李小龍 </v>&", "Zoë Ångström"]


def finished(harness: WorkerHarness, **room: Any) -> WorkerHarness:
    """Seed a finished meeting in a room."""
    transcript = {
        "title": "Haushalt für 東京",
        "long_summary": "Long.",
        "short_summary": "Short.",
        "duration": 61.5,
        "words": [word("hello", 0.0, 0), word("yes", 1.0, 1), word("budget", 30.0, 0)],
        "topics": [
            topic("Greeting", timestamp=0.0, duration=10.0),
            topic("Budget", timestamp=30.0, duration=1.0),
        ],
        "participants": [
            {"id": f"p-{n}", "name": name, "speaker": n} for n, name in enumerate(NAMES)
        ],
    }
    seed(harness.clients.state, meeting_rows(room=room, transcript=transcript))
    return harness


def only_delivery(harness: WorkerHarness) -> Request:
    (delivery,) = harness.stand_ins.webhook.deliveries()
    return delivery


def send(harness: WorkerHarness, attempt: int = 0) -> Json:
    return send_webhook(harness.attempt(attempt), transcript_id=TRANSCRIPT_ID, room_id="room-1")


def test_the_signature_holds_over_the_exact_bytes_of_any_script(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)

    output = harness.completed("send_webhook", PAYLOAD)

    delivery = only_delivery(harness)
    signed_at = harness.stand_ins.webhook.verify(delivery)
    assert output == {"sent": True, "status_code": 200}
    assert "李小龍".encode() in delivery.body
    assert delivery.json["timestamp"] == signed_at
    assert delivery.header("x-webhook-event") == "transcript.completed"
    assert delivery.header("content-type") == "application/json"
    assert delivery.path == "/hooks/meetings"


def test_the_payload_tells_the_whole_meeting(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)

    harness.completed("send_webhook", PAYLOAD)

    sent = only_delivery(harness).json
    transcript = sent["transcript"]
    assert sent["event"] == "transcript.completed"
    assert sent["room"] == {"id": "room-1", "name": "Standup"}
    assert sent["calendar_event"] == {}
    assert {
        key: transcript[key]
        for key in ("id", "room_id", "title", "short_summary", "long_summary", "duration")
    } == {
        "id": TRANSCRIPT_ID,
        "room_id": "room-1",
        "title": "Haushalt für 東京",
        "short_summary": "Short.",
        "long_summary": "Long.",
        "duration": 61.5,
    }
    assert transcript["frontend_url"] == "https://notes.test/transcripts/transcript-1"
    assert [person["name"] for person in transcript["participants"]] == NAMES
    assert "<v 李小龍 &lt;/v&gt;&amp;>hello" in transcript["webvtt"]


def test_a_topic_carries_the_captions_of_its_own_words(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)

    harness.completed("send_webhook", PAYLOAD)

    first, second = only_delivery(harness).json["transcript"]["topics"]
    assert (first["title"], second["title"]) == ("Greeting", "Budget")
    assert "hello" in first["webvtt"]
    assert "budget" not in first["webvtt"]
    assert "budget" in second["webvtt"]
    assert "hello" not in second["webvtt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_an_answer_and_no_failure(empty_bench: WorkerHarness, status: int) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(Fault(service="webhook", status=status))

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": False, "status_code": status}


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_signed_body_follows_no_redirect(empty_bench: WorkerHarness, status: int) -> None:
    harness = finished(empty_bench)
    headers = {"location": "https://webhook.stand-in.test/elsewhere"}
    harness.stand_ins.faults.add(Fault(service="webhook", status=status, headers=headers))

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": False, "status_code": status}
    assert only_delivery(harness).path == "/hooks/meetings"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_a_delivery(empty_bench: WorkerHarness, status: int) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(Fault(service="webhook", status=status))

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": True, "status_code": status}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_receiver_that_is_busy_or_broken_is_told_again(
    empty_bench: WorkerHarness, status: int
) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(Fault(service="webhook", status=status))

    with pytest.raises(TransientError, match=str(status)):
        send(harness)


def test_a_lost_connection_is_tried_again(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(Fault(service="webhook", drop=True))

    with pytest.raises(TransientError, match="no answer"):
        send(harness)


def test_retries_are_counted_and_keep_the_events_id(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(Fault(service="webhook", status=503, times=2))

    for attempt in (0, 1):
        with pytest.raises(TransientError):
            send(harness, attempt)
    assert send(harness, 2)["sent"] is True

    deliveries = harness.stand_ins.webhook.deliveries()
    assert [one.header("x-webhook-retry") for one in deliveries] == ["0", "1", "2"]
    assert len({one.json["event_id"] for one in deliveries}) == 1
    assert all(harness.stand_ins.webhook.verify(one) for one in deliveries)


@pytest.mark.parametrize("url", [None, ""])
def test_a_room_without_a_url_is_told_nothing(empty_bench: WorkerHarness, url: str | None) -> None:
    harness = finished(empty_bench, webhook_url=url)

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": False, "status_code": None}
    assert harness.calls("webhook") == 0


def test_without_a_secret_nothing_is_signed(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench, webhook_secret=None)

    harness.completed("send_webhook", PAYLOAD)

    assert only_delivery(harness).header("x-webhook-signature", "none") == "none"


def test_the_room_of_the_transcript_is_used_where_none_is_named(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)

    assert harness.completed("send_webhook", {**PAYLOAD, "room_id": None})["sent"] is True


@pytest.mark.parametrize("place", ["hooks?token=secret", "services/T0/secret"])
def test_a_failure_tells_the_host_only_since_all_else_may_be_a_key(
    place: str, empty_bench: WorkerHarness
) -> None:
    url = f"https://webhook.stand-in.test/{place}"
    harness = finished(empty_bench, webhook_url=url)
    harness.stand_ins.faults.add(Fault(service="webhook", drop=True))

    outcome = harness.execute("send_webhook", PAYLOAD)

    assert str(outcome.reason).startswith("POST webhook.stand-in.test: no answer")
    assert "secret" not in str(outcome.reason)


def test_the_body_is_compact_json(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)

    harness.completed("send_webhook", PAYLOAD)

    body = only_delivery(harness).body
    compact = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    assert body == compact.encode()
