"""Webhooks that the trigger refuses or ignores, by the clause that they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trackproof.contracts.load import load_contracts
from trackproof.runs.ids import id_sequence
from trackproof.suite.product.cases import Case
from trackproof.suite.product.webhooks import OTHER_SECRET
from trackproof.testbed.stand_ins.daily_webhooks import ready_event, signature_headers

LARGE_BYTES: Final = 10_000_000
LATE_SECONDS: Final = 3600.0
"""Beyond the tolerance for a signature's age."""


@dataclass(frozen=True, slots=True)
class BadWebhook:
    """One webhook."""

    clause: str
    """Without `trigger.`."""
    what: str
    """As a noun."""
    body: bytes
    headers: Mapping[str, str]
    is_refused: bool = True
    """Whether the answer must be a refusal; an event of another type is only ignored."""


def bad_webhooks(case: Case, secret: str) -> Iterator[BadWebhook]:
    """Yield the webhooks, each about a recording of its own in a case's room.

    Args:
        case: Its room and its microphone track.
        secret: Daily's key in base64.
    """
    yield from _unsigned(case, secret)
    yield from _unreadable(case, secret)
    yield from _wrong_recordings(case, secret)
    for kind in ("recording.started", "meeting.ended", "recording.error"):
        body = json.dumps({**json.loads(_good(case)), "type": kind}).encode()
        yield BadWebhook(
            "other-events", f"the event {kind}", body, signature_headers(body, secret), False
        )


def _good(case: Case) -> bytes:
    recording = f"recording-{id_sequence().new()}"
    return ready_event(recording, case.scenario.room_name, case.audio_keys)


def _unsigned(case: Case, secret: str) -> Iterator[BadWebhook]:
    constants = load_contracts().parts["trigger"].constants
    header = constants["signature_header"]
    age = constants["timestamp_tolerance_seconds"] + LATE_SECONDS

    def bad(what: str, body: bytes, headers: Mapping[str, str]) -> BadWebhook:
        return BadWebhook("signature", what, body, headers)

    yield bad("no signature", _good(case), {})
    body = _good(case)
    signed = signature_headers(body, secret)
    without = {name: value for name, value in signed.items() if name != header}
    yield bad("a timestamp without a signature", body, without)
    yield bad("an empty signature", body, {**signed, header: ""})
    yield bad("a signature with another key", body, signature_headers(body, OTHER_SECRET))
    yield bad("a body that was changed after it was signed", body + b" ", signed)
    body = _good(case)
    yield bad("an old signature", body, signature_headers(body, secret, age=age))
    yield bad("a signature of a time to come", body, signature_headers(body, secret, age=-age))


def _unreadable(case: Case, secret: str) -> Iterator[BadWebhook]:
    body = _good(case)
    large = body[:-1] + b', "padding": "' + b"x" * LARGE_BYTES + b'"}'
    yield BadWebhook("too-large", "a body of 10 MB", large, signature_headers(large, secret))
    for text in (b"", b"not JSON", b"[]", b"null", b'{"type": "recording', b"\xff\xfe"):
        what = f"the body '{text.decode(errors='replace')}'"
        yield BadWebhook("unreadable", what, text, signature_headers(text, secret))
    for payload in (None, "text", [json.loads(body)["payload"]]):
        changed = json.dumps({**json.loads(_good(case)), "payload": payload}).encode()
        what = f"the payload {json.dumps(payload)[:20]}"
        yield BadWebhook("unreadable", what, changed, signature_headers(changed, secret))


def _wrong_recordings(case: Case, secret: str) -> Iterator[BadWebhook]:
    room, key = case.scenario.room_name, case.audio_keys[0]
    folder, _, name = key.rpartition("/")
    others = ("cam-video", "screen-audio")
    silent = tuple(key.replace("-cam-audio-", f"-{kind}-") for kind in others)
    for clause, what, of_room, keys in (
        ("unknown-room", "a room that nobody knows", f"{room}-unknown", (key,)),
        ("no-tracks", "no tracks", room, ()),
        ("no-tracks", "a video and a shared screen", room, silent),
        ("bad-keys", "a key with the folder '..'", room, (f"{folder}/../{name}",)),
        ("bad-keys", "a good key, and one that begins with '..'", room, (key, f"../{name}")),
        ("bad-keys", "a key with a newline", room, (f"{folder}\n/{name}",)),
        ("bad-keys", "a key with a NUL", room, (f"{folder}/\0{name}",)),
    ):
        body = ready_event(f"recording-{id_sequence().new()}", of_room, keys)
        yield BadWebhook(clause, what, body, signature_headers(body, secret))
