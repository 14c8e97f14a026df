"""What a conversation is answered with, files, summaries, presets, and where messages were kept from the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend_embedded.storage.schema import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_OF_CONVERSATIONS = ("pinned", "archived_at", "folder", "tags", "titled_by", "settings")
NEW_OF_MESSAGES = ("attachments", "seams", "context")


# Beginnings of words are kept too: without them a search for a short one reads all its words' places.
INDEX = (
    "CREATE VIRTUAL TABLE message_search USING fts5(text, content='messages', content_rowid='number', "
    "tokenize='unicode61 remove_diacritics 2'{beginnings})"
)
BEGINNINGS = ", prefix='2 3 4 5'"


def upgrade() -> None:
    """Add the columns and tables; what is there is kept."""
    for column in (
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("archived_at", UtcDateTime()),
        sa.Column("folder", sa.String(200), nullable=False, server_default=""),
        sa.Column("tags", Json()),
        sa.Column("titled_by", sa.String(20), nullable=False, server_default="question"),
        sa.Column("settings", Json()),
    ):
        op.add_column("conversations", column)
    for name in NEW_OF_MESSAGES:
        op.add_column("messages", sa.Column(name, Json()))
    _index_anew(BEGINNINGS)
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid()),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_attachments_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_conversation_id", "attachments", ["conversation_id"])
    op.create_table(
        "summaries",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("covers", Json(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_summaries_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("id", name="uq_summaries_id"),
    )
    op.create_index("ix_summaries_conversation_id", "summaries", ["conversation_id"])
    op.create_table(
        "presets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("content", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_presets"),
        sa.UniqueConstraint("name", name="uq_presets_name"),
    )


def downgrade() -> None:
    """Take them away; conversations and messages stay."""
    for table in ("presets", "summaries", "attachments"):
        op.drop_table(table)
    for name in NEW_OF_MESSAGES:
        op.execute(f"ALTER TABLE messages DROP COLUMN {name}")
    for name in NEW_OF_CONVERSATIONS:
        op.execute(f"ALTER TABLE conversations DROP COLUMN {name}")
    _index_anew("")


def _index_anew(beginnings: str) -> None:
    """Make SQLite's search index again; its triggers stay as they are."""
    if op.get_context().dialect.name != "sqlite":
        return
    # Nothing is being written while a store is brought up to date; what says so was cut off.
    op.execute("UPDATE messages SET status = 'incomplete' WHERE status = 'writing'")
    op.execute("DROP TABLE message_search")
    op.execute(INDEX.format(beginnings=beginnings))
    op.execute("INSERT INTO message_search(message_search) VALUES ('rebuild')")
