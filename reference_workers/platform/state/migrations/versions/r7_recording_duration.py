"""The length of a recording, which limits the audio of its meeting."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r7"
down_revision = "r6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("recordings", sa.Column("duration", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("recordings", "duration")
