"""Webhooks as Daily sends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

KEY = base64.b64encode(b"daily's key").decode()
ROOM = "Standup"
TRACKS = ("acme/r/17-p-ada-cam-audio-18", "acme/r/17-p-ada-cam-video-18")


def event(recording_id: str = "rec-9", tracks: Any = TRACKS, **changes: Any) -> bytes:
    """Return the body of the event that a recording is ready."""
    payload = {
        "recording_id": recording_id,
        "room_name": ROOM,
        "status": "finished",
        "tracks": [{"type": "audio", "s3Key": key, "size": 1} for key in tracks],
        **changes,
    }
    return json.dumps({"type": "recording.ready-to-download", "payload": payload}).encode()


def signed(body: bytes, *, key: str = KEY, age: float = 0.0) -> dict[str, str]:
    """Return the headers of an event that was sent `age` seconds ago."""
    timestamp = str(int((time.time() - age) * 1000))
    digest = hmac.new(
        base64.b64decode(key), timestamp.encode() + b"." + body, hashlib.sha256
    ).digest()
    return {
        "X-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Webhook-Timestamp": timestamp,
    }
