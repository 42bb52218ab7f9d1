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
    op.add_column("recordings", sa.Column("legacy_task_id", sa.String(), nullable=True))
    with op.batch_alter_table("transcripts") as table:
        table.add_column(sa.Column("shadow_of", sa.String(), nullable=True))
        table.create_foreign_key(
            "fk_transcripts_shadow_of_transcripts", "transcripts", ["shadow_of"], ["id"]
        )
        table.create_index("ix_transcripts_shadow_of", ["shadow_of"])


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("transcripts") as table:
        table.drop_index("ix_transcripts_shadow_of")
        table.drop_constraint("fk_transcripts_shadow_of_transcripts", type_="foreignkey")
        table.drop_column("shadow_of")
    op.drop_column("recordings", "legacy_task_id")
