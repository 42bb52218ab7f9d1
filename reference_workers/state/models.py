"""The tables. Other programs read them too: a column's meaning stands in its docstring."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = Any


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables of the reference fleet."""


class Room(Base):
    """Where meetings take place, and whom to tell of them."""

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str]
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    zulip_stream: Mapped[str | None]
    zulip_topic: Mapped[str | None]


class Recording(Base):
    """One multitrack recording, named by Daily's id."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    bucket_name: Mapped[str]
    track_keys: Mapped[list[str]] = mapped_column(JSON)
    workflow_id: Mapped[str | None] = mapped_column(String, index=True)


class Transcript(Base):
    """What comes out of a recording."""

    __tablename__ = "transcripts"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recordings.id"), index=True)
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    status: Mapped[str] = mapped_column(default="idle")
    title: Mapped[str | None]
    long_summary: Mapped[str | None]
    short_summary: Mapped[str | None]
    topics: Mapped[list[Json]] = mapped_column(JSON, default=list)
    words: Mapped[list[Json]] = mapped_column(JSON, default=list)
    participants: Mapped[list[Json]] = mapped_column(JSON, default=list)
    duration: Mapped[float | None]
    source_language: Mapped[str] = mapped_column(default="en")
    target_language: Mapped[str] = mapped_column(default="en")
    audio_deleted: Mapped[bool] = mapped_column(default=False)
    waveform_location: Mapped[str | None]
    zulip_message_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


class Consent(Base):
    """One participant's answer to the question whether audio may be kept."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), index=True)
    participant_id: Mapped[str]
    granted: Mapped[bool]


class Event(Base):
    """One thing that happened to a transcript, in the order of its id."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcripts.id"), index=True)
    event: Mapped[str]
    data: Mapped[dict[str, Json]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
