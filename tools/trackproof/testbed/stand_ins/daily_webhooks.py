"""Daily's webhooks, as the product's trigger receives them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from trackproof.contracts.load import load_contracts


def ready_event(recording_id: str, room_name: str, keys: Sequence[str], **payload: Any) -> bytes:
    """Return the event of a finished recording as Daily writes it."""
    now = time.time()
    tracks = [
        {"type": "video" if "-video-" in key else "audio", "s3Key": key, "size": 1000}
        for key in keys
    ]
    return json.dumps(
        {
            "version": "1.1.0",
            "type": _constants()["webhook_type"],
            "id": f"evt-{recording_id}",
            "payload": {
                "type": "raw-tracks",
                "recording_id": recording_id,
                "room_name": room_name,
                "start_ts": int(now) - 60,
                "status": "finished",
                "max_participants": len(tracks),
                "duration": 60,
                "tracks": tracks,
                **payload,
            },
            "event_ts": now,
        }
    ).encode()


def signature_headers(body: bytes, secret: str, *, age: float = 0.0) -> dict[str, str]:
    """Return the headers with which Daily signs a body.

    Args:
        body: The event.
        secret: The key in base64.
        age: Seconds since it was signed.
    """
    constants = _constants()
    stamp = str(int((time.time() - age) * 1000))
    digest = hmac.new(base64.b64decode(secret), stamp.encode() + b"." + body, hashlib.sha256)
    return {
        constants["signature_header"]: base64.b64encode(digest.digest()).decode(),
        constants["timestamp_header"]: stamp,
    }


def _constants() -> Mapping[str, Any]:
    return load_contracts().parts["trigger"].constants
