"""Did Zulip and the webhook get the result, once and as it is?"""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC
from trackproof.testbed.stand_ins.services.webhook import SignatureError

EVENT = "transcript.completed"


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on both deliveries and on manners towards outside services."""
    yield _zulip(evidence)
    yield _signature(evidence)
    yield _payload(evidence)
    yield _manners(evidence)
    yield _contract(evidence)


def _zulip(evidence: Evidence) -> Check:
    row = evidence.transcript
    posted = evidence.stand_ins.zulip.messages()
    wrong = []
    if len(posted) != 1:
        wrong.append(f"{len(posted)} messages, 1 expected")
    for message in posted:
        if (message.stream, message.topic) != (ZULIP_STREAM, ZULIP_TOPIC):
            wrong.append(f"it stands in {message.stream} > {message.topic}")
        lacking = [
            column
            for column in ("title", "short_summary", "long_summary")
            if not row.get(column) or row[column] not in message.content
        ]
        if lacking:
            wrong.append(f"it lacks the {', '.join(lacking)}")
        ids = {str(message.id), str(row.get("zulip_message_id")), evidence.output.get("message_id")}
        if len(ids) != 1:
            wrong.append(f"its id is {message.id}, database and output say otherwise")
    return Check(
        "zulip.message", not wrong, "; ".join(wrong) or f"one message in {ZULIP_STREAM}, complete"
    )


def _signature(evidence: Evidence) -> Check:
    deliveries = evidence.stand_ins.webhook.deliveries(EVENT)
    wrong = [] if len(deliveries) == 1 else [f"{len(deliveries)} deliveries, 1 expected"]
    for delivery in deliveries:
        try:
            evidence.stand_ins.webhook.verify(delivery)
        except SignatureError as error:
            wrong.append(str(error))
    return Check(
        "webhook.signature", not wrong, "; ".join(wrong) or "one delivery, its HMAC verifies"
    )


def _payload(evidence: Evidence) -> Check:
    deliveries = evidence.stand_ins.webhook.deliveries(EVENT)
    if not deliveries or not isinstance(deliveries[-1].json, dict):
        return Check("webhook.payload", passed=False, detail="no JSON object was delivered")
    sent = deliveries[-1].json.get("transcript", {})
    scenario, output = evidence.scenario, evidence.output
    expected = {
        "id": scenario.transcript_id,
        "room_id": scenario.room_id,
        "title": output.get("title"),
        "short_summary": output.get("short_summary"),
        "long_summary": output.get("summary"),
        "duration": output.get("duration"),
        "status": "ended",
    }
    wrong = [
        f"{name} is {sent.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if sent.get(name) != value
    ]
    speakers = {track.index: track.participant.name for track in scenario.meeting.tracks}
    named = {person.get("speaker"): person.get("name") for person in sent.get("participants", [])}
    if named != speakers:
        wrong.append(f"participants are {named}, not {speakers}")
    found = [topic["title"] for topic in output.get("topics") or []]
    told = [topic.get("title") for topic in sent.get("topics", [])]
    if told != found:
        wrong.append(f"topics are {told}, not {found}")
    return Check(
        "webhook.payload",
        not wrong,
        "; ".join(wrong) or f"title, summaries, topics and {len(speakers)} named speakers",
    )


def _manners(evidence: Evidence) -> Check:
    """No service had to refuse a request, but for faults that were asked for."""
    refused = [
        f"{request.service} {request.method} {request.path} → {request.status}"
        for request in evidence.requests
        if not request.faulted and (request.status is None or request.status >= 400)
    ]
    return Check(
        "services.accepted",
        bool(evidence.requests) and not refused,
        "; ".join(refused[:3]) or f"{len(evidence.requests)} requests, none refused",
    )


def _contract(evidence: Evidence) -> Check:
    """Every request, also one that met a fault, keeps to the contract of its service."""
    broken = [
        f"{request.service} {request.method} {request.path}: {breach}"
        for request in evidence.requests
        for breach in request.violations
    ]
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return Check(
        "services.contract",
        bool(evidence.requests) and not broken,
        "; ".join(broken[:3]) + more or f"{len(evidence.requests)} requests, all to the contract",
    )
