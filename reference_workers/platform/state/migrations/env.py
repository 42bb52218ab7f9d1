"""Alembic environment: runs on the connection and in the transaction of the caller."""

from __future__ import annotations

from alembic import context

from reference_workers.platform.state.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite supports transactional DDL too; Alembic assumes otherwise.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
