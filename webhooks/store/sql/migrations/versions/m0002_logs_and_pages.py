"""Keep logs apart from runs, and let runs be looked for by canary and test."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of logs, and the columns with what the documents say."""
    op.create_table(
        "run_logs",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "start"),
    )
    for name in ("canary", "test"):
        op.add_column("runs", sa.Column(name, sa.Text, nullable=False, server_default=""))
    _fill()
    _make_indexes()


def _fill() -> None:
    runs = sa.table("runs", *(sa.column(name) for name in ("id", "canary", "test", "document")))
    connection = op.get_bind()
    for run_id, document in connection.execute(sa.select(runs.c.id, runs.c.document)).all():
        order = json.loads(document)["order"]
        canary = f"{order['canary']['namespace']}/{order['canary']['name']}"
        changed = sa.update(runs).where(runs.c.id == run_id).values(canary=canary, test=order["test"])
        connection.execute(changed)


def _make_indexes() -> None:
    standing = sa.text("standing = 1")
    op.drop_index("runs_standing", "runs", if_exists=True)
    op.create_index("runs_standing", "runs", ["key"], unique=True, sqlite_where=standing, postgresql_where=standing)
    op.create_index("runs_created", "runs", ["created_at", "id"])
    op.create_index("runs_canary", "runs", ["canary", "created_at"])
    op.create_index("gate_changes_canary", "gate_changes", ["canary", "sequence"])
