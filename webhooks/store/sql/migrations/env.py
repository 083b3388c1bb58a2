"""Run migrations on the connection, and in the transaction, of whoever asked for them (Alembic's own entry)."""

from alembic import context

from webhooks.store.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
