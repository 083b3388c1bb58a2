"""Hold what Alembic runs to bring a store up to date."""
