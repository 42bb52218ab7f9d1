"""What Alembic runs for every command: on the connection, and in the transaction, it is given."""

from __future__ import annotations

from alembic import context

from reference_workers.platform.state.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can roll a change of tables back as well; Alembic is only not sure that drivers do.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
