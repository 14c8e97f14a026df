"""The tables, in types that mean the same in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    false,
    literal_column,
    text,
)
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION = "0004"
"""The newest revision in `migrations/versions`; a store of this version is opened without alembic."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a time without a zone is a mistake of the caller."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored time needs a zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always in UTC."""
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value; None is NULL. Binary JSON in PostgreSQL, whose module only a store there loads."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSONB or JSON."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))


metadata = MetaData(naming_convention=NAMING)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    # No foreign key: the leaf is a message, whose own key points back here.
    Column("leaf_id", Uuid),
    Column("draft", Text, nullable=False, default=""),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("archived_at", UtcDateTime),
    Column("folder", String(200), nullable=False, server_default=""),
    Column("tags", Json),
    Column("titled_by", String(20), nullable=False, server_default="question"),
    Column("settings", Json),
    Index(None, "deleted_at", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    # The order in which messages came, and the row number that the search index refers to.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # No cascade: SQLite nests one trigger for each level of it, and a thousand is its limit.
    Column("parent_id", ForeignKey("messages.id")),
    # Messages from the root to this one: the length of a branch without walking it.
    Column("depth", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stats", Json),
    Column("error", Json),
    # Facts of the message's files; their text is in `attachments`.
    Column("attachments", Json),
    Column("seams", Json),
    Column("context", Json),
    # Of an answer: the home whose backend wrote it last. In PostgreSQL several may share one database.
    Column("home_id", Uuid),
    Column("text", Text, nullable=False),
    Index(None, "conversation_id", "status"),
    Index(None, "parent_id", "number"),
    # Looked for at every start: without it that would read all messages there are.
    Index(
        "ix_messages_writing",
        "number",
        sqlite_where=text("status = 'writing'"),
        postgresql_where=text("status = 'writing'"),
    ),
    sqlite_autoincrement=True,
)
IS_WRITING = messages.c.status == literal_column("'writing'")
"""An answer is being written: in these words, as no index with a condition is used for a parameter."""

attachments = Table(
    "attachments",
    metadata,
    Column("id", Uuid, primary_key=True),
    # None until the question that it belongs to is sent.
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), index=True),
    Column("name", String(255), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("characters", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
)

summaries = Table(
    "summaries",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("covers", Json, nullable=False),
    Column("edited", Boolean, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

presets = Table(
    "presets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("content", Json, nullable=False),
)
