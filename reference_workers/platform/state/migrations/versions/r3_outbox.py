"""Outbox of events, branches and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r3"
down_revision = "r2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; existing transcripts have no events."""
    op.add_column(
        "transcripts",
        sa.Column("last_seq", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("transcript_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("transcript_id", "seq", name="uq_events_transcript_id_seq"),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name="fk_events_transcript_id"
        ),
    )
    op.create_index(
        "ix_events_undelivered",
        "events",
        ["transcript_id"],
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "branches",
        sa.Column("transcript_id", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("task_type", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("transcript_id", "workflow_id", "reference", name="pk_branches"),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name="fk_branches_transcript_id"
        ),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("leases", "branches", "events"):
        op.drop_table(table)
    op.drop_column("transcripts", "last_seq")
