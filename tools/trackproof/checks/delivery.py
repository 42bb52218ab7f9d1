"""Deliveries: Zulip and the webhook receive the result, once and complete."""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.checks.visibility import if_visible
from trackproof.events.runs import Check
from trackproof.runs.equality import same_value
from trackproof.runs.evidence import Evidence
from trackproof.runs.ids import names_id
from trackproof.runs.json_text import as_json
from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC
from trackproof.runs.word_order import WordText
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.webhook import SignatureError

EVENT = "transcript.completed"


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on both deliveries and on all requests to outside services."""
    yield if_visible("zulip.message", _zulip, evidence)
    yield _signature(evidence)
    yield _payload(evidence)
    yield _accepted(evidence)
    yield _contract(evidence)


def _zulip(evidence: Evidence) -> Check:
    row = evidence.transcript
    messages = [
        message
        for message in evidence.stand_ins.zulip.messages()
        if message.posted_at >= evidence.began and not is_of_another(message.content, evidence)
    ]
    problems = []
    if len(messages) != 1:
        problems.append(f"{len(messages)} messages, 1 expected")
    for message in messages:
        if (message.stream, message.topic) != (ZULIP_STREAM, ZULIP_TOPIC):
            problems.append(f"posted to {message.stream} > {message.topic}")
        missing = [
            column
            for column in ("title", "short_summary", "long_summary")
            if not row.get(column) or not WordText(message.content).has(str(row[column]))
        ]
        if missing:
            problems.append(f"missing: {', '.join(missing)}")
        ids = {str(message.id), str(row.get("zulip_message_id")), evidence.output.get("message_id")}
        if len(ids) != 1:
            problems.append(f"message id {message.id} differs from the database or the output")
    return Check.of("zulip.message", problems, otherwise=f"one message in {ZULIP_STREAM}, complete")


def is_of_another(text: str, evidence: Evidence) -> bool:
    """Return whether a message is about a meeting that ran beside this one."""
    return any(names_id(text, transcript_id) for transcript_id in evidence.beside)


def own_deliveries(evidence: Evidence) -> list[Request]:
    """Return the deliveries of this meeting."""
    return [
        delivery
        for delivery in evidence.stand_ins.webhook.deliveries(EVENT)
        if delivery.received_at >= evidence.began
        and not is_of_another(delivery.body.decode(errors="replace"), evidence)
    ]


def _signature(evidence: Evidence) -> Check:
    deliveries = own_deliveries(evidence)
    problems = [] if len(deliveries) == 1 else [f"{len(deliveries)} deliveries, 1 expected"]
    for delivery in deliveries:
        try:
            evidence.stand_ins.webhook.verify(delivery)
        except SignatureError as error:
            problems.append(str(error))
    return Check.of("webhook.signature", problems, otherwise="one delivery with a valid signature")


def _payload(evidence: Evidence) -> Check:
    deliveries = own_deliveries(evidence)
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
    problems = [
        f"{name} is {as_json(sent.get(name))}, not {as_json(value)}"
        for name, value in expected.items()
        if value in (None, "") or not same_value(sent.get(name), value)
    ]
    speakers = {track.index: track.participant.name for track in scenario.meeting.tracks}
    participants = {one.get("speaker"): one.get("name") for one in sent.get("participants", [])}
    if not same_value(participants, speakers):
        problems.append(f"participants are {as_json(participants)}, not {as_json(speakers)}")
    expected_topics = [topic["title"] for topic in output.get("topics") or []]
    topics = [topic.get("title") for topic in sent.get("topics", [])]
    if not topics or not same_value(topics, expected_topics):
        problems.append(f"topics are {as_json(topics)}, not {as_json(expected_topics)}")
    return Check.of(
        "webhook.payload",
        problems,
        otherwise=f"title, summaries, topics and {len(speakers)} participants",
    )


def _accepted(evidence: Evidence) -> Check:
    """No service rejected a request, except by an injected fault."""
    rejected = [
        f"{request.service} {request.method} {request.path} → {request.status or 'no answer'}"
        for request in evidence.requests
        if not request.faulted and (request.status is None or request.status >= 400)
    ]
    return Check.of(
        "services.accepted",
        rejected if evidence.requests else ["no requests"],
        otherwise=f"{len(evidence.requests)} requests, none rejected",
    )


def _contract(evidence: Evidence) -> Check:
    """Every request conforms to the contract of its service, even one that met a fault."""
    violations = [
        f"{request.service} {request.method} {request.path}: {violation}"
        for request in evidence.requests
        for violation in request.violations
    ]
    return Check.of(
        "services.contract",
        violations if evidence.requests else ["no requests"],
        otherwise=f"{len(evidence.requests)} requests, all conform",
    )
