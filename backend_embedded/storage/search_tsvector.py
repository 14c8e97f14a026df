"""The search in PostgreSQL's index of words (made in `words.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.generation import Role
from backend_embedded.storage.excerpt import excerpt
from backend_embedded.storage.found import Found, Query

WITHIN = "AND m.conversation_id = :conversation_id"
FIND = (
    "SELECT c.id AS conversation_id, c.title AS title, m.id AS message_id, m.role AS role, "
    "m.created_at AS created_at, m.text AS text "
    "FROM message_search s JOIN messages m ON m.number = s.number "
    "JOIN conversations c ON c.id = m.conversation_id "
    "WHERE s.words @@ CAST(:query AS tsquery) AND c.deleted_at IS NULL {within} "
    "ORDER BY s.number DESC LIMIT :limit OFFSET :offset"
)
MORE = (
    "SELECT 1 FROM message_search s JOIN messages m ON m.number = s.number "
    "WHERE s.words @@ CAST(:query AS tsquery) {within} LIMIT 1 OFFSET :count"
)
NUMBERS = (bindparam("limit", type_=Integer), bindparam("offset", type_=Integer))


class TextSearchIndex:
    """Messages by the table `message_search`."""

    async def page(
        self, connection: AsyncConnection, query: Query, limit: int, offset: int, conversation_id: UUID | None
    ) -> Sequence[Found]:
        """Messages outside the bin that match, newest first."""
        match = await _match(connection, query)
        if not match:
            return []
        given: dict[str, Any] = {"query": match, "limit": limit, "offset": offset}
        statement = text(FIND.format(within="" if conversation_id is None else WITHIN)).bindparams(*NUMBERS)
        rows = await connection.execute(statement, _within(given, conversation_id))
        return [
            Found(
                row.conversation_id,
                row.title,
                row.message_id,
                Role(row.role),
                row.created_at,
                excerpt(row.text, query),
            )
            for row in rows
        ]

    async def more_than(
        self, connection: AsyncConnection, query: Query, count: int, conversation_id: UUID | None
    ) -> bool:
        """Whether the index has more matches than so many."""
        match = await _match(connection, query)
        if not match:
            return False
        given: dict[str, Any] = {"query": match, "count": count}
        statement = text(MORE.format(within="" if conversation_id is None else WITHIN))
        return (await connection.execute(statement, _within(given, conversation_id))).first() is not None


def _within(given: dict[str, Any], conversation_id: UUID | None) -> dict[str, Any]:
    return given if conversation_id is None else given | {"conversation_id": conversation_id}


async def _match(connection: AsyncConnection, query: Query) -> str:
    """The query as a tsquery in text, of the words as the index has them; empty when none is left."""
    names = [f"p{number}" for number in range(len(query.parts))]
    columns = ", ".join(f"message_words(CAST(:{name} AS text))" for name in names)
    row = (
        await connection.execute(text(f"SELECT {columns}"), dict(zip(names, query.parts, strict=True)))
    ).one()
    phrases = [" <-> ".join(f"'{word}'" for word in part.split()) for part in row if part.split()]
    if not phrases:
        return ""
    if query.goes_on:
        phrases[-1] += ":*"
    return " & ".join(f"({phrase})" for phrase in phrases)
