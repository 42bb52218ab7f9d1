"""What a subscriber gets: one event, in the shape that goes over Redis and WebSockets.

`{"id": "…", "seq": 7, "event": "DURATION", "data": {…}, "room": "ts:transcript-1"}`

id    names the event for good; a subscriber that comes back says the last one it saw
seq   counts a transcript's events from 1, without a gap
room  where it is sent: the contracts' `event_room`, which is also the Redis channel
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
    """Return the name of a transcript's room."""
    return load_contracts().event_room.format(transcript_id=transcript_id)


@dataclass(frozen=True)
class Message:
    """One event on its way to whoever watches a transcript."""

    id: str
    seq: int
    event: str
    data: dict[str, Any]
    room: str

    @cached_property
    def text(self) -> str:
        """The message as JSON; written once, however many it is sent to."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_row(cls, row: Event) -> Self:
        """Return an event's row as a message."""
        return cls(row.id, row.seq, row.event, row.data, room_of(row.transcript_id))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a message as `text` has it.

        Raises:
            ValueError: It is none.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"this is no event: {error}") from error


def read_after(state: State, transcript_id: str, seq: int, *, limit: int) -> list[Message]:
    """Return at most `limit` events of a transcript above a number, in order."""
    query = (
        select(Event)
        .where(Event.transcript_id == transcript_id, Event.seq > seq)
        .order_by(Event.seq)
        .limit(limit)
    )
    with state.read_session() as session:
        return [Message.from_row(row) for row in session.scalars(query)]


def read_undelivered(state: State, *, limit: int) -> Sequence[Message]:
    """Return at most `limit` events that Redis has not been given, each transcript's in order."""
    query = (
        select(Event)
        .where(Event.delivered_at.is_(None))
        .order_by(Event.transcript_id, Event.seq)
        .limit(limit)
    )
    with state.read_session() as session:
        return [Message.from_row(row) for row in session.scalars(query)]


def seq_of(state: State, transcript_id: str, event_id: str | None) -> int:
    """Return an event's number; 0 for one that is not known, from where nothing is missed."""
    query = select(Event.seq).where(Event.transcript_id == transcript_id, Event.id == event_id)
    with state.read_session() as session:
        return session.scalars(query).first() or 0
