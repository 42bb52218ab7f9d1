"""Workflow id of recordings (seed STATE-001)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r2"
down_revision = "r1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, null for existing recordings."""
    op.add_column("recordings", sa.Column("workflow_id", sa.String(), nullable=True))
    op.create_index("ix_recordings_workflow_id", "recordings", ["workflow_id"])


def downgrade() -> None:
    """Drop the column and its index."""
    op.drop_index("ix_recordings_workflow_id", "recordings")
    op.drop_column("recordings", "workflow_id")
