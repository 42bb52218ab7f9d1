"""Send the transcript to the room's webhook (contract: contracts/tasks/send_webhook.yaml)."""

from __future__ import annotations

import json
import time
import uuid
from bisect import bisect_left
from typing import Any

from reference_workers.context import Context
from reference_workers.errors import TransientError
from reference_workers.platform.state.models import Room, Transcript
from reference_workers.services.http import is_retryable, retry_after
from reference_workers.webvtt import to_webvtt

EVENT = "transcript.completed"


def send_webhook(context: Context, *, transcript_id: str, room_id: str | None) -> dict[str, Any]:
    """Send the transcript; a refusal (4xx) is a result and not retried.

    Raises:
        TransientError: No answer, 408, 425, 429 or 5xx.
    """
    clients = context.clients
    transcript = clients.state.transcript(transcript_id)
    room = clients.state.room(room_id or transcript.room_id)
    if room is None or not room.webhook_url:
        return {"sent": False, "status_code": None}

    timestamp = int(time.time())
    payload = _payload(transcript, room, timestamp, clients.settings.frontend_url)
    response = clients.webhook.send(
        room.webhook_url,
        json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(),
        event=EVENT,
        retry=context.attempt,
        timestamp=timestamp,
        secret=room.webhook_secret,
    )
    status_code = response.status_code
    if is_retryable(status_code):
        raise TransientError(f"webhook: answered {status_code}", retry_after=retry_after(response))
    return {"sent": 200 <= status_code < 300, "status_code": status_code}


def _payload(
    transcript: Transcript, room: Room, timestamp: int, frontend_url: str
) -> dict[str, Any]:
    names = {person["speaker"]: person["name"] for person in transcript.participants}
    words = sorted(transcript.words, key=_start)
    return {
        "event": EVENT,
        # Stable across retries, so that the receiver can deduplicate.
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{EVENT}/{transcript.id}")),
        "timestamp": timestamp,
        "transcript": {
            "id": transcript.id,
            "room_id": room.id,
            "created_at": transcript.created_at.isoformat(),
            "duration": transcript.duration,
            "title": transcript.title,
            "short_summary": transcript.short_summary,
            "long_summary": transcript.long_summary,
            "webvtt": to_webvtt(transcript.words, names),
            "topics": [
                {
                    "title": topic["title"],
                    "summary": topic["summary"],
                    "timestamp": topic["timestamp"],
                    "duration": topic["duration"],
                    "webvtt": to_webvtt(_words_of(topic, words), names),
                }
                for topic in transcript.topics
            ],
            "participants": transcript.participants,
            "source_language": transcript.source_language,
            "target_language": transcript.target_language,
            "status": transcript.status,
            "frontend_url": f"{frontend_url}/transcripts/{transcript.id}",
        },
        "room": {"id": room.id, "name": room.name},
        "calendar_event": {},
    }


def _words_of(topic: dict[str, Any], words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a topic's words; `words` are sorted, and a long meeting has hundreds of topics."""
    end = topic["timestamp"] + topic["duration"]
    first = bisect_left(words, topic["timestamp"], key=_start)
    return words[first : bisect_left(words, end, lo=first, key=_start)]


def _start(word: dict[str, Any]) -> float:
    return float(word["start"])
