"""Alembic migrations, one file for each revision in `versions`; run by `schema_revision`."""
