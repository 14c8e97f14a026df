"""The tables of people, agents and their work: those of the specification (appendix B), and the outbox."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    true,
)

from backend_embedded.storage.schema import Json, UtcDateTime, metadata


def _id() -> Column[UUID]:
    # Made here and not by the database: SQLite has no function for it.
    return Column("id", Uuid, primary_key=True, default=uuid4)


def _time(name: str) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=False, server_default=func.now())


users = Table(
    "users",
    metadata,
    _id(),
    Column("email", String(255), nullable=False, unique=True),
    Column("name", String(100), nullable=False, server_default=""),
    _time("created_at"),
    _time("updated_at"),
)

agents = Table(
    "agents",
    metadata,
    _id(),
    Column("name", String(100), nullable=False, unique=True),
    Column("type", String(50)),
    Column("status", String(20), nullable=False, server_default="inactive", index=True),
    Column("port", Integer),
    Column("capabilities", Json),
    Column("description", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    # The share of its time that it worked lately, 0 to 1.
    Column("load", Float, nullable=False, server_default="0"),
    Column("last_seen_at", UtcDateTime),
    _time("created_at"),
    _time("updated_at"),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    Column("agent_id", ForeignKey("agents.id", ondelete="SET NULL")),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL")),
    Column("parent_id", ForeignKey("tasks.id", ondelete="SET NULL"), index=True),
    Column("type", String(50)),
    Column("status", String(20), nullable=False, server_default="pending"),
    # 1 to 10; 10 is done first.
    Column("priority", Integer, nullable=False, server_default="5"),
    Column("payload", Json),
    Column("result", Json),
    Column("error", Json),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("correlation_id", String(128), nullable=False, server_default=""),
    _time("created_at"),
    _time("updated_at"),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    # Each ends with the id, so that the order of a page is given by the index alone.
    Index(None, "created_at", "id"),
    Index(None, "status", "created_at", "id"),
    Index(None, "status", "priority", "created_at"),
    Index(None, "agent_id", "status"),
    Index(None, "user_id", "created_at"),
    Index(None, "type", "created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("data", Json),
    _time("created_at"),
    _time("last_seen_at"),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

audit_logs = Table(
    "audit_logs",
    metadata,
    _id(),
    _time("created_at"),
    Column("actor", String(100), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("action", String(50), nullable=False),
    Column("entity", String(50), nullable=False),
    Column("entity_id", String(200), nullable=False, server_default=""),
    Column("correlation_id", String(128), nullable=False, server_default=""),
    Column("before", Json),
    Column("after", Json),
    Index(None, "created_at", "id"),
    Index(None, "entity", "entity_id", "created_at"),
    Index(None, "action", "created_at"),
    Index(None, "actor", "created_at"),
)

agent_metrics = Table(
    "agent_metrics",
    metadata,
    _id(),
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", String(20), nullable=False, server_default=""),
    Column("labels", Json),
    _time("created_at"),
    Index(None, "agent_id", "name", "created_at"),
    Index(None, "created_at"),
)

task_history = Table(
    "task_history",
    metadata,
    _id(),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("agent_id", ForeignKey("agents.id", ondelete="SET NULL"), index=True),
    Column("from_status", String(20)),
    Column("to_status", String(20), nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    _time("created_at"),
    Index(None, "task_id", "created_at"),
    Index(None, "created_at"),
)

system_config = Table(
    "system_config",
    metadata,
    _id(),
    Column("key", String(200), nullable=False, unique=True),
    Column("value", Json),
    Column("description", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="1"),
    _time("created_at"),
    _time("updated_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("name", String(100), nullable=False),
    # SHA-256 of the key, in hex; the key itself is shown once and kept nowhere.
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("prefix", String(12), nullable=False, server_default=""),
    Column("scopes", Json),
    _time("created_at"),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime, index=True),
    Column("revoked_at", UtcDateTime),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    _id(),
    Column("api_key_id", ForeignKey("api_keys.id", ondelete="CASCADE")),
    Column("endpoint", String(200), nullable=False),
    Column("max_requests", Integer, nullable=False),
    Column("window_s", Integer, nullable=False, server_default="60"),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("api_key_id", "endpoint"),
)

documents = Table(
    "documents",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("title", String(300), nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("media_type", String(100), nullable=False, server_default="text/plain"),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("sha256", String(64), index=True),
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("facts", Json),
    _time("created_at"),
    _time("updated_at"),
    Index(None, "status", "created_at"),
)

embeddings = Table(
    "embeddings",
    metadata,
    _id(),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", String(100), nullable=False),
    Column("dimensions", Integer, nullable=False),
    # Little-endian float32.
    Column("vector", LargeBinary),
    _time("created_at"),
    UniqueConstraint("document_id", "model", "position"),
)

cache_entries = Table(
    "cache_entries",
    metadata,
    _id(),
    Column("key", String(500), nullable=False, unique=True),
    Column("value", LargeBinary, nullable=False),
    _time("created_at"),
    Column("expires_at", UtcDateTime, index=True),
)

migrations = Table(
    "migrations",
    metadata,
    _id(),
    Column("version", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False, server_default=""),
    Column("applied_at", UtcDateTime, nullable=False, server_default=func.now(), index=True),
)

outbox = Table(
    "outbox",
    metadata,
    # The order in which messages are published.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    # The message's own id, by which a consumer knows one that it has seen.
    Column("id", Uuid, nullable=False, unique=True, default=uuid4),
    Column("routing_key", String(200), nullable=False),
    Column("body", Json, nullable=False),
    _time("created_at"),
    Column("published_at", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index(None, "published_at", "number"),
    sqlite_autoincrement=True,
)

processed_messages = Table(
    "processed_messages",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("consumer", String(100), primary_key=True),
    Column("at", UtcDateTime, nullable=False, server_default=func.now(), index=True),
)

SPECIFIED = (
    users,
    agents,
    tasks,
    sessions,
    audit_logs,
    agent_metrics,
    task_history,
    system_config,
    api_keys,
    rate_limits,
    embeddings,
    documents,
    cache_entries,
    migrations,
)
"""The 14 tables of the specification."""
