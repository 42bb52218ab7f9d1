"""Events as messages for Redis and WebSockets.

`{"id": "…", "seq": 7, "event": "DURATION", "data": {…}, "room": "ts:transcript-1"}`

id    unique and stable; a subscriber resumes after the last one it received
seq   numbers a transcript's events from 1 without a gap
room  the contracts' `event_room`, which is also the Redis channel
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from sqlalchemy import select

from reference_workers.platform.state.models import Event
from reference_workers.platform.state.repository import State
from trackproof.contracts.load import load_contracts


def room_of(transcript_id: str) -> str:
    """Return a transcript's room."""
    return load_contracts().event_room.format(transcript_id=transcript_id)


@dataclass(frozen=True)
class Message:
    """One event of a transcript."""

    id: str
    seq: int
    event: str
    data: dict[str, Any]
    room: str

    @cached_property
    def text(self) -> str:
        """The message as JSON; serialized once for all subscribers."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_row(cls, row: Event) -> Self:
        """Return the message of an event's row."""
        return cls(row.id, row.seq, row.event, row.data, room_of(row.transcript_id))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse a message.

        Raises:
            ValueError: Not a message.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"not an event: {error}") from error


def read_after(state: State, transcript_id: str, seq: int, *, limit: int) -> list[Message]:
    """Return at most `limit` events of a transcript after `seq`, in order."""
    query = (
        select(Event)
        .where(Event.transcript_id == transcript_id, Event.seq > seq)
        .order_by(Event.seq)
        .limit(limit)
    )
    with state.read_session() as session:
        return [Message.from_row(row) for row in session.scalars(query)]


def read_undelivered(state: State, *, limit: int) -> Sequence[Message]:
    """Return at most `limit` unpublished events, in order for each transcript."""
    query = (
        select(Event)
        .where(Event.delivered_at.is_(None))
        .order_by(Event.transcript_id, Event.seq)
        .limit(limit)
    )
    with state.read_session() as session:
        return [Message.from_row(row) for row in session.scalars(query)]


def seq_of(state: State, transcript_id: str, event_id: str | None) -> int:
    """Return an event's seq; 0 for an unknown id, so that no event is missed."""
    query = select(Event.seq).where(Event.transcript_id == transcript_id, Event.id == event_id)
    with state.read_session() as session:
        return session.scalars(query).first() or 0
