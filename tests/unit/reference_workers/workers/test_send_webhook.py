from __future__ import annotations

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


def test_a_topics_captions_contain_its_own_words(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)

    harness.completed("send_webhook", PAYLOAD)

    first, second = only_delivery(harness).json["transcript"]["topics"]
    assert (first["title"], second["title"]) == ("Greeting", "Budget")
    assert "hello" in first["webvtt"]
    assert "budget" not in first["webvtt"]
    assert "budget" in second["webvtt"]
    assert "hello" not in second["webvtt"]


def test_redirects_are_not_followed(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    headers = {"location": "https://webhook.stand-in.test/elsewhere"}
    harness.stand_ins.faults.add(Fault(service="webhook", status=302, headers=headers))

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": False, "status_code": 302}
    assert only_delivery(harness).path == "/hooks/meetings"


def test_any_2xx_is_a_delivery(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    harness.stand_ins.faults.add(Fault(service="webhook", status=204))

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": True, "status_code": 204}


def test_retries_keep_the_event_id(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    harness.stand_ins.faults.add(Fault(service="webhook", status=503, times=2))

    for attempt in (0, 1):
        with pytest.raises(TransientError):
            send(harness, attempt)
    assert send(harness, 2)["sent"] is True

    deliveries = harness.stand_ins.webhook.deliveries()
    assert [one.header("x-webhook-retry") for one in deliveries] == ["0", "1", "2"]
    assert len({one.json["event_id"] for one in deliveries}) == 1
    assert all(harness.stand_ins.webhook.verify(one) for one in deliveries)


def test_a_room_with_an_empty_url_is_not_called(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness, webhook_url="")

    assert harness.completed("send_webhook", PAYLOAD) == {"sent": False, "status_code": None}
    assert harness.calls("webhook") == 0


def test_without_a_secret_there_is_no_signature(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness, webhook_secret=None)

    harness.completed("send_webhook", PAYLOAD)

    assert only_delivery(harness).header("x-webhook-signature", "none") == "none"


def test_the_default_room_is_the_transcripts(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)

    assert harness.completed("send_webhook", {**PAYLOAD, "room_id": None})["sent"] is True


@pytest.mark.parametrize("place", ["hooks?token=secret", "services/T0/secret"])
def test_a_failures_reason_contains_only_the_host(place: str, empty_harness: WorkerHarness) -> None:
    url = f"https://webhook.stand-in.test/{place}"
    harness = finished(empty_harness, webhook_url=url)
    harness.stand_ins.faults.add(Fault(service="webhook", drop=True))

    outcome = harness.execute("send_webhook", PAYLOAD)

    assert str(outcome.reason).startswith("POST webhook.stand-in.test: no answer")
    assert "secret" not in str(outcome.reason)
