"""Database tables. Other programs read them too; docstrings define the columns."""

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
"""NUL and lone surrogates, which PostgreSQL or UTF-8 cannot store but LLMs and users send."""


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class CleanText(TypeDecorator[str]):
    """Text whose unstorable characters are replaced by U+FFFD."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace unstorable characters."""
        return None if value is None else _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


class UtcDateTime(TypeDecorator[datetime]):
    """A datetime in UTC; restores the time zone that SQLite does not store."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the datetime with its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of the reference fleet."""

    # Named constraints, so that a migration can drop them on any database.
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
    """A room, with the webhook and Zulip stream to notify."""

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    zulip_stream: Mapped[str | None]
    zulip_topic: Mapped[str | None]


class MeetingRow(Base):
    """A meeting session of Daily's."""

    __tablename__ = "meetings"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Daily's id of the session."""
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"), index=True)
    room_name: Mapped[str | None]
    """Daily's name of the room."""
    started_at: Mapped[datetime | None]
    max_participants: Mapped[int | None]
    """Maximum of concurrent participants."""


class Recording(Base):
    """A multitrack recording, with Daily's id."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(primary_key=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id"), index=True)
    bucket_name: Mapped[str]
    track_keys: Mapped[list[str]] = mapped_column(JSON)
    duration: Mapped[float | None]
    """Seconds, by Daily; null if it did not say."""
    workflow_id: Mapped[str | None] = mapped_column(index=True)
    """Conductor's id of its workflow (seed STATE-001)."""
    legacy_task_id: Mapped[str | None]
    """Celery's id of the task that was sent to the legacy pipeline."""
    start_requested_at: Mapped[datetime | None]
    """When the start of a workflow was first requested; it may have been started without an answer,
    or without being stored."""


class Transcript(Base):
    """The result of a recording."""

    __tablename__ = "transcripts"

    id: Mapped[str] = mapped_column(primary_key=True)
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recordings.id"), index=True)
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    shadow_of: Mapped[str | None] = mapped_column(index=True)
    """The transcript that this one's workflow shadows; null for all others."""
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
    """The seq of its newest event; 0 before the first."""


class Consent(Base):
    """A participant's answer whether the audio may be kept."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), index=True)
    participant_id: Mapped[str]
    granted: Mapped[bool]


class Event(Base):
    """An event of a transcript: a row of the outbox."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Stable: a repeated task emits the same id."""
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"))
    seq: Mapped[int]
    """Number of the event within its transcript, from 1 in commit order, without a gap."""
    event: Mapped[str]
    data: Mapped[dict[str, Json]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None]
    """When the event was published to Redis; null without Redis."""

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
    """A branch of a dynamic fork; replaced when the fork is generated again."""

    __tablename__ = "branches"

    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    """Reference name of the branch's task, such as pad_track_7."""
    task_type: Mapped[str]
    done: Mapped[bool]


class Lease(Base):
    """A lease: the exclusive right to a job until it expires."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    expires_at: Mapped[float]
    """Epoch seconds by the owner's clock."""


class CacheEntry(Base):
    """A cached answer of an outside service."""

    __tablename__ = "cache_entries"

    key: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the kind and everything the answer depends on."""
    kind: Mapped[str]
    """The task type."""
    value: Mapped[Json] = mapped_column(JSON)
    size: Mapped[int]
    """Size of the value as JSON, in bytes."""
    created_at: Mapped[float] = mapped_column(index=True)
    """Epoch seconds."""


class TaskCost(Base):
    """Costs of one task attempt, successful or not."""

    __tablename__ = "task_costs"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    """Conductor's task id of the attempt."""
    workflow_id: Mapped[str] = mapped_column(index=True)
    transcript_id: Mapped[str | None] = mapped_column(index=True)
    reference: Mapped[str]
    """Reference name in the workflow, such as pad_track_7."""
    task_type: Mapped[str]
    attempt: Mapped[int]
    """Counts from 0."""
    status: Mapped[str]
    """Conductor's status of the last execution."""
    runs: Mapped[int]
    """Executions of this attempt: more than 1 after a lost acknowledgement; costs are summed."""
    seconds: Mapped[float]
    """Wall-clock time of the worker."""
    calls: Mapped[int]
    """Requests to outside services, storage included; cache hits excluded."""
    remembered: Mapped[int]
    """Answers from the cache."""
    bytes_in: Mapped[int] = mapped_column(BigInteger)
    """Bytes received from services and storage, audio included."""
    bytes_out: Mapped[int] = mapped_column(BigInteger)
    """Bytes sent."""
    audio_seconds: Mapped[float]
    """Seconds of decoded audio."""
    prompt_tokens: Mapped[int]
    """As reported by the LLM."""
    completion_tokens: Mapped[int]
    """As reported by the LLM."""
