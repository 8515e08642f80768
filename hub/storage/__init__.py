"""PostgreSQL: schema, migrations and the queries, as plain functions that take a connection and never commit."""
