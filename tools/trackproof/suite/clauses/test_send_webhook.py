"""Clauses of contracts/tasks/send_webhook.yaml."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.task_inputs import make_words
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.webhook import SignatureError, verify_signature

TASK = "send_webhook"

UNCHANGED_FIELDS: dict[str, Any] = {
    "title": "Заголовок עם כותרת",
    "short_summary": "A recap.",
    "long_summary": "# All of it",
    "duration": 8.0,
    "participants": [{"id": "p1", "name": "שרה", "speaker": 0}],
}
"""Fields of the transcript that the payload repeats as they are."""

FINISHED: dict[str, Any] = {
    **UNCHANGED_FIELDS,
    "words": [{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}],
    "topics": [{"id": "t1", "title": "Tides", "summary": "", "timestamp": 0.0, "duration": 8.0}],
}


def send(harness: Harness, meeting: Scenario, **options: Any) -> TaskRun:
    return harness.run_task(
        TASK, transcript_id=meeting.transcript_id, room_id=meeting.room_id, **options
    )


def only_delivery(run: TaskRun) -> Request:
    deliveries = run.requests_to("webhook")
    expect(len(deliveries), "number of deliveries").equals(1)
    return deliveries[0]


def expect_signed(harness: Harness, delivery: Request, secret: str = "") -> None:
    header = delivery.header("x-webhook-signature")
    secret = secret or harness.testbed.stand_ins.credentials.webhook_secret
    try:
        verify_signature(secret, header, delivery.body, delivery.received_at)
    except SignatureError as error:
        raise ClauseViolation(
            "HMAC-SHA256 of the timestamp and the exact body", str(error), "X-Webhook-Signature"
        ) from error


@pytest.mark.clause("send_webhook.payload")
def test_room_url_gets_the_finished_transcript(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)

    run = send(harness, meeting)

    expect(run.output, "output").has({"sent": True, "status_code": 200})
    delivery = only_delivery(run)
    expect(delivery.path, "path of the delivery").equals(f"/{meeting.room_name}")
    expect(delivery.header("x-webhook-event"), "X-Webhook-Event").equals("transcript.completed")
    transcript = {"id": meeting.transcript_id, "room_id": meeting.room_id, **UNCHANGED_FIELDS}
    expect(delivery.json, "body").has(
        {
            "event": "transcript.completed",
            "room": {"id": meeting.room_id, "name": meeting.room_name},
            "transcript": {**transcript, "topics": [{"title": "Tides"}]},
        }
    )
    expect(str(delivery.json["transcript"].get("webvtt")), "webvtt").contains("tide")


@pytest.mark.clause("send_webhook.payload")
def test_room_without_a_webhook_gets_no_delivery(harness: Harness) -> None:
    run = send(harness, harness.meeting(webhook=None, **FINISHED))

    expect(run.output, "output").has({"sent": False, "status_code": None})
    expect(run.requests_to("webhook"), "deliveries").equals([])


@pytest.mark.clause("send_webhook.signature")
def test_signature_covers_the_exact_body(harness: Harness) -> None:
    run = send(harness, harness.meeting(**FINISHED))

    expect_signed(harness, only_delivery(run))


@pytest.mark.clause("send_webhook.signature")
def test_the_whole_secret_is_the_key(harness: Harness) -> None:
    secret = " Schlüssel “鍵” %20 " + "0123456789abcdef" * 5

    run = send(harness, harness.meeting(secret=secret, **FINISHED))

    expect_signed(harness, only_delivery(run), secret)


@pytest.mark.clause("send_webhook.retry-on-5xx")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": True}], ids=str)
def test_transient_failure_is_retried_and_counted(fault: dict[str, Any], harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", times=2, **fault)

    run = send(harness, meeting)

    expect(run.statuses, "attempt statuses").equals(["FAILED", "FAILED", "COMPLETED"])
    deliveries = run.requests_to("webhook")
    expect([one.header("x-webhook-retry") for one in deliveries], "X-Webhook-Retry").equals(
        ["0", "1", "2"]
    )
    event_ids = {(one.json or {}).get("event_id") for one in deliveries} - {None}
    expect(len(event_ids), "distinct event ids").equals(1)


@pytest.mark.clause("send_webhook.no-retry-on-4xx")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410])
def test_4xx_is_not_retried(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", status=status)

    run = send(harness, meeting)

    expect(run.output, "output").has({"sent": False, "status_code": status})
    only_delivery(run)


@pytest.mark.clause("send_webhook.errors")
def test_failing_webhook_does_not_change_the_transcript(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", status=503)
    before = harness.task_runner.transcript(meeting.transcript_id)

    run = send(harness, meeting, retries=2)

    expect(run.statuses, "attempt statuses").equals(["FAILED"] * 3)
    answers = [delivery.status for delivery in run.requests_to("webhook")]
    expect(answers, "answers of the webhook").equals([503] * 3)
    expect(run.transcript.get("status"), "status of the transcript").equals(before["status"])
    expect(run.emitted("STATUS"), "STATUS events").equals([])


@pytest.mark.clause("send_webhook.large-meeting")
def test_transcript_of_20_000_words_is_delivered_whole_and_signed(harness: Harness) -> None:
    words = make_words(20_000)

    run = send(harness, harness.meeting(**{**FINISHED, "words": words}))

    expect(run.output, "output").has({"sent": True, "status_code": 200})
    delivery = only_delivery(run)
    expect_signed(harness, delivery)
    transcript = (delivery.json or {}).get("transcript") or {}
    delivered = set(re.findall(r"\w+", str(transcript.get("webvtt"))))
    missing = [word["word"] for word in words if word["word"] not in delivered]
    expect(missing, "words missing from webvtt").equals([])


@pytest.mark.clause("send_webhook.other-rooms")
def test_a_receiver_that_never_ends_holds_up_no_other_room(harness: Harness) -> None:
    slow, quick = (harness.meeting(**FINISHED) for _ in range(2))
    harness.break_service("webhook", path=f"*{slow.room_name}*", status=200, drip=0.5)
    payloads = [
        {"transcript_id": meeting.transcript_id, "room_id": meeting.room_id}
        for meeting in (slow, quick)
    ]

    run, other = harness.run_tasks(TASK, payloads, about=quick, retries=1)

    expect(other.output, "output for the other room").has({"sent": True, "status_code": 200})
    begin = min(run.attempts[0].started_at, other.attempts[0].started_at)
    wait = other.attempts[-1].ended_at - begin
    expect(wait, "seconds until the other room had it").holds(wait < 20, "less than 20")
    expect(run.statuses, "attempts at the receiver that never ends").holds(
        set(run.statuses) <= {"COMPLETED", "FAILED"},
        "ended by the fleet, before Conductor's response time-out",
    )
