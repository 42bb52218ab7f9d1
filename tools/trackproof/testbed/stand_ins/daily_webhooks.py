"""Daily's webhooks, as the product's trigger receives them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable

READY = "recording.ready-to-download"
"""The event of a recording whose files are in the bucket."""


def ready_event(recording_id: str, room_name: str, track_keys: Iterable[str]) -> bytes:
    """Return the event of a finished recording as JSON."""
    tracks = [{"type": "audio", "s3Key": key, "size": 1} for key in track_keys]
    payload = {"recording_id": recording_id, "room_name": room_name, "tracks": tracks}
    return json.dumps({"type": READY, "payload": payload}).encode()


def signature_headers(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """Return the headers of a signed webhook.

    Args:
        secret: The key in base64.
        body: The event.
        at: Time of the signature in epoch seconds; now by default.
    """
    stamp = str(round((time.time() if at is None else at) * 1000))
    digest = hmac.new(base64.b64decode(secret), stamp.encode() + b"." + body, hashlib.sha256)
    return {
        "X-Webhook-Signature": base64.b64encode(digest.digest()).decode(),
        "X-Webhook-Timestamp": stamp,
    }
