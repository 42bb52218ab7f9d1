"""Daily's webhooks: the signature, and the recording in an event.

Daily signs `<timestamp>.<body>` with HMAC-SHA256 and a base64 key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from reference_workers.errors import PermanentError
from reference_workers.platform.trigger.recordings import FinishedRecording

READY = "recording.ready-to-download"
"""The event of a recording whose files are in the bucket."""

TOLERANCE_SECONDS = 300.0
"""Greatest difference between a webhook's time and the clock: an older one may be a replay."""

_MILLISECONDS_FROM = 100_000_000_000
"""Epoch times from here on are milliseconds."""


class SignatureError(Exception):
    """The signature or the time of a webhook is wrong."""


class SignatureCheck:
    """Checks signatures with one key."""

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        """Take the key.

        Args:
            secret: The key in base64; with an empty one no signature is right.
            clock: Returns the epoch time in seconds.

        Raises:
            ValueError: The key is not base64.
        """
        try:
            self._key = base64.b64decode(secret, validate=True)
        except ValueError as error:  # binascii.Error is one
            raise ValueError("the key for Daily's webhooks is not base64") from error
        self._clock = clock

    def __call__(self, body: bytes, *, signature: str, timestamp: str) -> None:
        """Check a webhook's headers against its body.

        Raises:
            SignatureError: The signature is wrong or missing, or the time is not now.
        """
        if not self._key:
            raise SignatureError("no key for Daily's webhooks is configured")
        expected = base64.b64encode(
            hmac.new(self._key, timestamp.encode() + b"." + body, hashlib.sha256).digest()
        )
        if not hmac.compare_digest(expected, signature.encode()):
            raise SignatureError("the signature is wrong")
        if not timestamp.isascii() or not timestamp.isdigit():
            raise SignatureError("the timestamp is no epoch time")
        seconds = float(timestamp)
        if seconds >= _MILLISECONDS_FROM:
            seconds /= 1000
        if abs(self._clock() - seconds) > TOLERANCE_SECONDS:
            raise SignatureError(f"the timestamp is more than {TOLERANCE_SECONDS:g} s away")


def finished_recording(body: bytes, bucket_name: str) -> FinishedRecording | None:
    """Return the recording of an event; None for an event of another type.

    Args:
        body: The event as JSON.
        bucket_name: The bucket, if the event does not name one.

    Raises:
        PermanentError: The event cannot be read.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PermanentError("the event is not JSON") from error
    if not isinstance(event, dict):
        raise PermanentError("the event is not a JSON object")
    if event.get("type") != READY:
        return None
    payload = event.get("payload")
    if not isinstance(payload, dict):
        raise PermanentError("the event has no payload")
    return recording_of(payload, bucket_name)


def recording_of(payload: dict[str, Any], bucket_name: str) -> FinishedRecording:
    """Return a finished recording from Daily's description, of a webhook or of its REST API.

    Raises:
        PermanentError: It has no id, no room or no list of tracks.
    """
    recording_id = payload.get("recording_id") or payload.get("id")
    room_name, tracks = payload.get("room_name"), payload.get("tracks")
    if not isinstance(recording_id, str) or not isinstance(room_name, str):
        raise PermanentError("the recording has no id or no room_name")
    if not isinstance(tracks, list):
        raise PermanentError(f"recording {recording_id[:80]!r} has no list of tracks")
    keys = [track.get("s3Key") if isinstance(track, dict) else None for track in tracks]
    if not all(isinstance(key, str) for key in keys):
        raise PermanentError(f"a track of recording {recording_id[:80]!r} has no s3Key")
    return FinishedRecording(recording_id, room_name, bucket_name, [str(key) for key in keys])
