"""Keep releases, what is reported of them, and their journals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables."""
    _make_releases()
    op.create_table(
        "reports",
        sa.Column("canary", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("canary", "release_id", "sequence"),
    )
    op.create_table(
        "journals",
        sa.Column("canary", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("canary", "release_id"),
    )


def _make_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("canary", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("under_way", sa.Integer, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("heard_at", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("canary", "id"),
    )
    op.create_index("releases_place", "releases", ["under_way", "began_at", "namespace", "name", "id"])
    op.create_index("releases_namespace", "releases", ["namespace", "under_way", "began_at"])
    op.create_index("releases_canary", "releases", ["canary", "under_way", "began_at"])
