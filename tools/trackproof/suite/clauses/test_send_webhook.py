"""Clauses of contracts/tasks/send_webhook.yaml."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.webhook import SignatureError, verify_signature

TASK = "send_webhook"

FINISHED: dict[str, Any] = {
    "title": "Заголовок עם כותרת",
    "short_summary": "A recap.",
    "long_summary": "# All of it",
    "duration": 8.0,
    "words": [{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}],
    "topics": [{"id": "t1", "title": "Tides", "summary": "", "timestamp": 0.0, "duration": 8.0}],
    "participants": [{"id": "p1", "name": "שרה", "speaker": 0}],
}


def sent_for(harness: Harness, meeting: Scenario, **options: Any) -> TaskRun:
    return harness.run_task(
        TASK, transcript_id=meeting.transcript_id, room_id=meeting.room_id, **options
    )


def only_delivery(run: TaskRun) -> Request:
    deliveries = run.requests_to("webhook")
    expect(len(deliveries), "deliveries").equals(1)
    return deliveries[0]


def expect_signed(harness: Harness, delivery: Request) -> None:
    header = delivery.header("x-webhook-signature")
    secret = harness.testbed.stand_ins.credentials.webhook_secret
    try:
        verify_signature(secret, header, delivery.body, delivery.received_at)
    except SignatureError as error:
        raise ClauseViolation(
            "HMAC-SHA256 over t and the exact bytes", str(error), "signature"
        ) from error


@pytest.mark.clause("send_webhook.payload")
def test_the_rooms_url_gets_the_finished_transcript(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)

    run = sent_for(harness, meeting)

    expect(run.output, "output").equals({"sent": True, "status_code": 200})
    delivery = only_delivery(run)
    expect(delivery.path, "path").equals(f"/{meeting.room_name}")
    expect(delivery.header("x-webhook-event"), "X-Webhook-Event").equals("transcript.completed")
    body = delivery.json
    expect(body["event"], "event").equals("transcript.completed")
    expect(body["room"], "room").equals({"id": meeting.room_id, "name": meeting.room_name})
    told = {name: body["transcript"].get(name) for name in ("id", "room_id", *FINISHED)}
    del told["words"], told["topics"]
    expect(told, "transcript").equals(
        {
            "id": meeting.transcript_id,
            "room_id": meeting.room_id,
            **{k: v for k, v in FINISHED.items() if k not in {"words", "topics"}},
        }
    )
    expect([topic["title"] for topic in body["transcript"]["topics"]], "topics").equals(["Tides"])
    expect(body["transcript"]["webvtt"], "webvtt").contains("tide")


@pytest.mark.clause("send_webhook.payload")
def test_a_room_without_a_webhook_is_not_called(harness: Harness) -> None:
    run = sent_for(harness, harness.meeting(webhook=None, **FINISHED))

    expect(run.output, "output").equals({"sent": False, "status_code": None})
    expect(run.requests_to("webhook"), "deliveries").equals([])


@pytest.mark.clause("send_webhook.signature")
def test_the_signature_is_over_the_exact_bytes(harness: Harness) -> None:
    run = sent_for(harness, harness.meeting(**FINISHED))

    expect_signed(harness, only_delivery(run))


@pytest.mark.clause("send_webhook.retry-on-5xx")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": True}], ids=str)
def test_no_answer_or_a_5xx_is_tried_again(fault: dict[str, Any], harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", times=2, **fault)

    run = sent_for(harness, meeting)

    expect(run.statuses, "attempts").equals(["FAILED", "FAILED", "COMPLETED"])
    deliveries = run.requests_to("webhook")
    expect([one.header("x-webhook-retry") for one in deliveries], "X-Webhook-Retry").equals(
        ["0", "1", "2"]
    )
    expect(len({one.json["event_id"] for one in deliveries}), "different event ids").equals(1)


@pytest.mark.clause("send_webhook.no-retry-on-4xx")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410])
def test_a_4xx_is_not_tried_again(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", status=status)

    run = sent_for(harness, meeting)

    expect(run.output, "output").equals({"sent": False, "status_code": status})
    expect(len(run.requests_to("webhook")), "deliveries").equals(1)


@pytest.mark.clause("send_webhook.errors")
def test_a_webhook_that_fails_for_good_leaves_the_result_alone(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    harness.break_service("webhook", status=503)
    before = harness.task_runner.transcript(meeting.transcript_id)

    run = sent_for(harness, meeting, retries=2)

    expect(run.statuses, "attempts").equals(["FAILED"] * 3)
    expect(run.transcript["status"], "the transcript's status").equals(before["status"])
    expect(run.emitted("STATUS"), "STATUS events").equals([])


@pytest.mark.clause("send_webhook.large-meeting")
def test_a_large_transcript_is_delivered_whole_and_signed(harness: Harness) -> None:
    said = [
        {"word": f"word{place}", "start": place / 2, "end": place / 2 + 0.25, "speaker": place % 2}
        for place in range(20_000)
    ]

    run = sent_for(harness, harness.meeting(**{**FINISHED, "words": said}))

    expect(run.output, "output").equals({"sent": True, "status_code": 200})
    delivery = only_delivery(run)
    expect_signed(harness, delivery)
    text = delivery.json["transcript"]["webvtt"]
    told = set(re.findall(r"word\d+", text))
    lost = [one["word"] for one in said if one["word"] not in told]
    expect(lost, "words that webvtt lacks").equals([])
