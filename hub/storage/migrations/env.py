"""Alembic's entry: runs on the connection handed over by `hub.storage.migrate`."""

from alembic import context

from hub.storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=False)
with context.begin_transaction():
    context.run_migrations()
