"""Make the tables of the first cut, which may stand already: it knew no migrations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make what is missing."""
    _make_runs()
    op.create_table(
        "gates",
        sa.Column("canary", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("canary", "epoch", "gate"),
        if_not_exists=True,
    )
    op.create_table(
        "epochs",
        sa.Column("canary", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        if_not_exists=True,
    )
    for name in ("gate_changes", "events"):
        _make_sequence(name)
    op.create_index("events_canary", "events", ["canary", "sequence"], if_not_exists=True)


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("standing", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("runs_state", "runs", ["state", "created_at"], if_not_exists=True)


def _make_sequence(name: str) -> None:
    op.create_table(
        name,
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("canary", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        if_not_exists=True,
    )
