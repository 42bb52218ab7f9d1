"""Messages and leases."""

from __future__ import annotations

import json

import pytest

from reference_workers.platform.state import leases
from reference_workers.platform.state.messages import Message, read_after
from reference_workers.platform.state.repository import State
from tests.integration.state.event_streams import (
    ROOM,
    write,
)
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID


def test_a_message_has_the_documented_shape(state: State) -> None:
    write(state, 1, 1)

    (message,) = read_after(state, TRANSCRIPT_ID, 0, limit=5)

    assert json.loads(message.text) == {
        "id": message.id,
        "seq": 1,
        "event": "TOPIC",
        "data": {"number": 1},
        "room": ROOM,
    }
    assert Message.from_json(message.text) == message
    for invalid in ("", "[]", '{"id": 1}', "null"):
        with pytest.raises(ValueError, match=r"."):
            Message.from_json(invalid)


def test_a_lease_has_one_owner_until_it_expires_or_is_released(state: State) -> None:
    assert leases.acquire(state, "x", "ada", seconds=60)
    assert leases.acquire(state, "x", "ada", seconds=60)
    assert not leases.acquire(state, "x", "bob", seconds=60)
    assert leases.acquire(state, "y", "bob", seconds=60)
    leases.release(state, "x", "bob")
    assert not leases.acquire(state, "x", "bob", seconds=60)
    leases.release(state, "x", "ada")
    assert leases.acquire(state, "x", "bob", seconds=-1)
    assert leases.acquire(state, "x", "ada", seconds=60)
