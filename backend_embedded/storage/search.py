"""Full-text search over final messages."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import SearchHit

FIND = text(
    "SELECT c.id AS conversation_id, c.title AS title, m.id AS message_id, "
    "snippet(message_search, 0, char(2), char(3), '…', 16) AS snippet "
    "FROM message_search JOIN messages m ON m.number = message_search.rowid "
    "JOIN conversations c ON c.id = m.conversation_id "
    "WHERE message_search MATCH :query AND c.deleted_at IS NULL "
    "ORDER BY bm25(message_search), m.number DESC LIMIT :limit"
)


async def find(connection: AsyncConnection, query: str, limit: int) -> list[SearchHit]:
    """Messages that hold every word of `query`; the last word may be the beginning of one."""
    wanted = _match(query)
    if not wanted:
        return []
    rows = await connection.execute(FIND, {"query": wanted, "limit": limit})
    return [
        SearchHit(
            conversation_id=UUID(row.conversation_id),
            conversation_title=row.title,
            message_id=UUID(row.message_id),
            snippet=row.snippet,
        )
        for row in rows
    ]


def _match(query: str) -> str:
    """Each word quoted, so that nothing in it is read as an operator of the search language."""
    words = [word.replace('"', '""') for word in query.replace("\0", " ").split()]
    words = [word for word in words if any(letter.isalnum() for letter in word)]
    return " ".join(f'"{word}"' for word in words) + "*" if words else ""
