"""The tables. Other programs read them too: a column's meaning stands in its docstring."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL, or UTF-8 itself, has no place for; models and users send it all the same."""


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


class CleanText(TypeDecorator[str]):
    """Text that every database can hold: what none can is shown as the replacement mark."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return None if value is None else _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, and so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of the reference fleet."""

    # Every constraint has a name, so that a migration can take it away on any database.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: CleanText, datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own way


class Room(Base):
    """Where meetings take place, and whom to tell of them."""

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    zulip_stream: Mapped[str | None]
    zulip_topic: Mapped[str | None]


class MeetingRow(Base):
    """One session of Daily's, as Daily tells of it."""

    __tablename__ = "meetings"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Daily's id of the session."""
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"), index=True)
    room_name: Mapped[str | None]
    """Daily's name of the room."""
    started_at: Mapped[datetime | None]
    max_participants: Mapped[int | None]
    """How many were there at once, at most."""


class Recording(Base):
    """One multitrack recording, named by Daily's id."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id"), index=True)
    bucket_name: Mapped[str]
    track_keys: Mapped[list[str]] = mapped_column(JSON)
    workflow_id: Mapped[str | None] = mapped_column(index=True)
    """Conductor's id of the workflow that works on it (seed STATE-001)."""


class Transcript(Base):
    """What comes out of a recording."""

    __tablename__ = "transcripts"

    id: Mapped[str] = mapped_column(primary_key=True)
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recordings.id"), index=True)
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    status: Mapped[str] = mapped_column(default="idle", index=True)
    """idle, uploaded, processing, ended or error."""
    title: Mapped[str | None]
    long_summary: Mapped[str | None]
    short_summary: Mapped[str | None]
    topics: Mapped[list[Json]] = mapped_column(JSON, default=list)
    words: Mapped[list[Json]] = mapped_column(JSON, default=list)
    participants: Mapped[list[Json]] = mapped_column(JSON, default=list)
    duration: Mapped[float | None]
    """Seconds."""
    source_language: Mapped[str] = mapped_column(default="en")
    target_language: Mapped[str] = mapped_column(default="en")
    audio_deleted: Mapped[bool] = mapped_column(default=False)
    waveform_location: Mapped[str | None]
    zulip_message_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The number of its newest event; 0 before the first."""


class Consent(Base):
    """One participant's answer to the question whether audio may be kept."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), index=True)
    participant_id: Mapped[str]
    granted: Mapped[bool]


class Event(Base):
    """One thing that happened to a transcript: a row of the outbox."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The same for the same effect, however often its task runs."""
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"))
    seq: Mapped[int]
    """Counts a transcript's events from 1 in the order of commit, without a gap."""
    event: Mapped[str]
    data: Mapped[dict[str, Json]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None]
    """When the publisher had handed it to Redis; null where there is no Redis."""

    __table_args__ = (
        UniqueConstraint("transcript_id", "seq"),
        Index(
            "ix_events_undelivered",
            "transcript_id",
            sqlite_where=text("delivered_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL"),
        ),
    )


class Branch(Base):
    """One branch of a dynamic fork, from when the fork is written until it is written anew."""

    __tablename__ = "branches"

    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    """Reference name of the branch's task, like pad_track_7."""
    task_type: Mapped[str]
    done: Mapped[bool]


class Lease(Base):
    """The right to be the only one to do something for a while."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    expires_at: Mapped[float]
    """Seconds since the epoch, by the owner's clock."""


class CacheEntry(Base):
    """One answer of an outside service, and what it was asked (as a hash)."""

    __tablename__ = "cache_entries"

    key: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 over the kind and everything the answer depends on."""
    kind: Mapped[str]
    """The task type that asked."""
    value: Mapped[Json] = mapped_column(JSON)
    size: Mapped[int]
    """Bytes of the value as JSON."""
    created_at: Mapped[float] = mapped_column(index=True)
    """Seconds since the epoch."""


class TaskCost(Base):
    """What one attempt at a task took and cost, whether it ended well or not."""

    __tablename__ = "task_costs"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    """Conductor's id of the attempt."""
    workflow_id: Mapped[str] = mapped_column(index=True)
    transcript_id: Mapped[str | None] = mapped_column(index=True)
    reference: Mapped[str]
    """Reference name in the workflow, like pad_track_7."""
    task_type: Mapped[str]
    attempt: Mapped[int]
    """Counts from 0."""
    status: Mapped[str]
    """How the newest run ended, in Conductor's words."""
    runs: Mapped[int]
    """How often it ran: more than once where an acknowledgement was lost. All else is their sum."""
    seconds: Mapped[float]
    """Of work, by the wall clock."""
    calls: Mapped[int]
    """To services outside, storage too; what was remembered is not asked."""
    remembered: Mapped[int]
    """Answers that the cache knew."""
    bytes_in: Mapped[int] = mapped_column(BigInteger)
    """Of the answers of services and storage, and of audio read."""
    bytes_out: Mapped[int] = mapped_column(BigInteger)
    """Of what was sent to them."""
    audio_seconds: Mapped[float]
    """Of audio decoded."""
    prompt_tokens: Mapped[int]
    """As the LLM counts them."""
    completion_tokens: Mapped[int]
    """As the LLM counts them."""
