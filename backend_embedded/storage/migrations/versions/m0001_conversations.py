"""Conversations, messages and the index that full-text search reads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend_embedded.storage.schema import Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text is indexed once, when the message is final: an index kept at every streamed piece would cost more
# than all else that a piece does.
SEARCH = (
    "CREATE VIRTUAL TABLE message_search USING fts5("
    "text, content='messages', content_rowid='number', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON messages WHEN new.status <> 'writing' BEGIN "
    "INSERT INTO message_search(rowid, text) VALUES (new.number, new.text); END",
    "CREATE TRIGGER message_search_final AFTER UPDATE OF status ON messages "
    "WHEN old.status = 'writing' AND new.status <> 'writing' BEGIN "
    "INSERT INTO message_search(rowid, text) VALUES (new.number, new.text); END",
    "CREATE TRIGGER message_search_reopen AFTER UPDATE OF status ON messages "
    "WHEN old.status <> 'writing' AND new.status = 'writing' BEGIN "
    "INSERT INTO message_search(message_search, rowid, text) VALUES ('delete', old.number, old.text); END",
    "CREATE TRIGGER message_search_delete AFTER DELETE ON messages WHEN old.status <> 'writing' BEGIN "
    "INSERT INTO message_search(message_search, rowid, text) VALUES ('delete', old.number, old.text); END",
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime()),
        sa.Column("leaf_id", sa.Uuid()),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_deleted_at_updated_at", "conversations", ["deleted_at", "updated_at"])
    op.create_table(
        "messages",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid()),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("stats", Json()),
        sa.Column("error", Json()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_messages_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["messages.id"], name="fk_messages_parent_id_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_conversation_id_status", "messages", ["conversation_id", "status"])
    op.create_index("ix_messages_parent_id_number", "messages", ["parent_id", "number"])
    if op.get_context().dialect.name == "sqlite":
        for statement in SEARCH:
            op.execute(statement)


def downgrade() -> None:
    """Drop the tables."""
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE message_search")
    op.drop_table("messages")
    op.drop_table("conversations")
