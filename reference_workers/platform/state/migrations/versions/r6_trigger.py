"""Shadow runs and the legacy pipeline's tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r6"
down_revision = "r5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    requested_at = sa.Column("start_requested_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("recordings", sa.Column("legacy_task_id", sa.String(), nullable=True))
    op.add_column("recordings", requested_at)
    # No foreign key: SQLite could add it only with a new table.
    op.add_column("transcripts", sa.Column("shadow_of", sa.String(), nullable=True))
    op.create_index("ix_transcripts_shadow_of", "transcripts", ["shadow_of"])


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("ix_transcripts_shadow_of", "transcripts")
    op.drop_column("transcripts", "shadow_of")
    op.drop_column("recordings", "start_requested_at")
    op.drop_column("recordings", "legacy_task_id")
