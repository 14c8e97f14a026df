"""The search in SQLite's FTS5 index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.generation import Role
from backend_embedded.storage.found import Found, Query
from backend_embedded.storage.schema import UtcDateTime

# Newest first, which the index gives without looking at all matches; only the page's are joined and excerpted.
FIND = (
    "WITH newest AS (SELECT rowid AS number, "
    "snippet(message_search, 0, char(2), char(3), '…', 16) AS snippet "
    "FROM message_search WHERE message_search MATCH :query {within} ORDER BY rowid DESC LIMIT :looked) "
    "SELECT c.id AS conversation_id, c.title AS title, m.id AS message_id, m.role AS role, "
    "m.created_at AS created_at, newest.snippet AS snippet "
    "FROM newest JOIN messages m ON m.number = newest.number "
    "JOIN conversations c ON c.id = m.conversation_id WHERE c.deleted_at IS NULL "
    "ORDER BY newest.number DESC LIMIT :limit OFFSET :offset"
)
WITHIN = "AND rowid IN (SELECT number FROM messages WHERE conversation_id = :conversation_id)"


class Fts5Index:
    """Messages by the table `message_search`."""

    async def page(
        self, connection: AsyncConnection, query: Query, limit: int, offset: int, conversation_id: UUID | None
    ) -> Sequence[Found]:
        """Messages outside the bin that match, newest first."""
        given: dict[str, Any] = {"query": _match(query), "limit": limit, "offset": offset}
        if conversation_id is not None:
            given["conversation_id"] = conversation_id.hex
        statement = text(FIND.format(within=WITHIN if conversation_id is not None else "")).columns(
            conversation_id=Uuid, message_id=Uuid, created_at=UtcDateTime
        )
        looked = limit + offset
        while True:
            rows = (await connection.execute(statement, given | {"looked": looked})).all()
            if len(rows) == limit or not await self.more_than(connection, query, looked, conversation_id):
                break
            looked *= 10  # some of these were in the bin
        return [
            Found(row.conversation_id, row.title, row.message_id, Role(row.role), row.created_at, row.snippet)
            for row in rows
        ]

    async def more_than(
        self, connection: AsyncConnection, query: Query, count: int, conversation_id: UUID | None
    ) -> bool:
        """Whether the index has more matches than so many."""
        given: dict[str, Any] = {"query": _match(query), "count": count}
        within = ""
        if conversation_id is not None:
            given["conversation_id"], within = conversation_id.hex, WITHIN
        further = text(
            f"SELECT 1 FROM message_search WHERE message_search MATCH :query {within} LIMIT 1 OFFSET :count"
        )
        return (await connection.execute(further, given)).first() is not None


def _match(query: Query) -> str:
    """Each part quoted, so that nothing in it is read as an operator."""
    return " ".join(f'"{part}"' for part in query.parts) + ("*" if query.goes_on else "")
