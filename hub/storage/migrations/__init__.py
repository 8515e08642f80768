"""Alembic migrations of the schema, run by `hub init` and `hub.storage.migrate`."""
