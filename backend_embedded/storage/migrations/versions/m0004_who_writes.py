"""Which home writes an answer, and an index of the answers that are being written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WRITING = sa.text("status = 'writing'")


def upgrade() -> None:
    """Add the column and the index; whose answers were written before is not known."""
    op.add_column("messages", sa.Column("home_id", sa.Uuid()))
    op.create_index(
        "ix_messages_writing", "messages", ["number"], sqlite_where=WRITING, postgresql_where=WRITING
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_messages_writing", "messages")
    op.execute("ALTER TABLE messages DROP COLUMN home_id")
