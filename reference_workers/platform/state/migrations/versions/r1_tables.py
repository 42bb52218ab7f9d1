"""Rooms, meetings, recordings, transcripts and consents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "rooms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("webhook_url", sa.String(), nullable=True),
        sa.Column("webhook_secret", sa.String(), nullable=True),
        sa.Column("zulip_stream", sa.String(), nullable=True),
        sa.Column("zulip_topic", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
    )
    op.create_table(
        "meetings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=True),
        sa.Column("room_name", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("max_participants", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_meetings"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_meetings_room_id"),
    )
    op.create_index("ix_meetings_room_id", "meetings", ["room_id"])
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("meeting_id", sa.String(), nullable=True),
        sa.Column("bucket_name", sa.String(), nullable=False),
        sa.Column("track_keys", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name="fk_recordings_meeting_id"),
    )
    op.create_index("ix_recordings_meeting_id", "recordings", ["meeting_id"])
    _create_transcripts()
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transcript_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name="fk_consents_transcript_id"
        ),
    )
    op.create_index("ix_consents_transcript_id", "consents", ["transcript_id"])


def _create_transcripts() -> None:
    op.create_table(
        "transcripts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=True),
        sa.Column("room_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("long_summary", sa.String(), nullable=True),
        sa.Column("short_summary", sa.String(), nullable=True),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("participants", sa.JSON(), nullable=False),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("source_language", sa.String(), nullable=False),
        sa.Column("target_language", sa.String(), nullable=False),
        sa.Column("audio_deleted", sa.Boolean(), nullable=False),
        sa.Column("waveform_location", sa.String(), nullable=True),
        sa.Column("zulip_message_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transcripts"),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name="fk_transcripts_recording_id"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_transcripts_room_id"),
    )
    op.create_index("ix_transcripts_recording_id", "transcripts", ["recording_id"])
    op.create_index("ix_transcripts_status", "transcripts", ["status"])


def downgrade() -> None:
    """Drop the tables, referencing ones first."""
    for table in ("consents", "transcripts", "recordings", "meetings", "rooms"):
        op.drop_table(table)
