"""Full-text search over titles and final messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import SearchHit
from backend_embedded.contract.generation import Role
from backend_embedded.storage.found import FIRST, LAST, Found, Query, may_go_on, parts_of
from backend_embedded.storage.schema import conversations
from backend_embedded.storage.search_fts5 import Fts5Index
from backend_embedded.storage.search_tsvector import TextSearchIndex

MOST_TITLES = 10


class Index(Protocol):
    """The words of the final messages, as the database at hand keeps them. Newest first in all it gives."""

    async def more_than(
        self, connection: AsyncConnection, query: Query, count: int, conversation_id: UUID | None
    ) -> bool:
        """Whether more messages than so many match."""
        ...

    async def page(
        self, connection: AsyncConnection, query: Query, limit: int, offset: int, conversation_id: UUID | None
    ) -> Sequence[Found]:
        """Messages outside the bin that match."""
        ...


INDEXES: dict[str, Index] = {"sqlite": Fts5Index(), "postgresql": TextSearchIndex()}


async def find(
    connection: AsyncConnection,
    query: str,
    limit: int,
    offset: int = 0,
    conversation_id: UUID | None = None,
) -> list[SearchHit]:
    """Titles, then messages, that hold every word of `query`, newest first.

    When whole words find less than a page, the last one may be the beginning of a word.
    """
    exact = Query(parts_of(query))
    if not exact.parts:
        return []
    index = INDEXES[connection.dialect.name]
    titles = [] if conversation_id is not None else await _titles(connection, query)
    shown = titles[offset : offset + limit]
    room, start = limit - len(shown), max(0, offset - len(titles))
    full = not may_go_on(query) or await index.more_than(connection, exact, limit - 1, conversation_id)
    wanted = exact if full else Query(exact.parts, goes_on=True)
    rows = await index.page(connection, wanted, room, start, conversation_id) if room else []
    in_title = {hit.conversation_id for hit in titles}
    hits = [
        SearchHit(
            conversation_id=row.conversation_id,
            conversation_title=row.title,
            message_id=row.message_id,
            snippet=row.snippet,
            role=row.role,
            created_at=row.created_at,
            in_title=row.conversation_id in in_title,
        )
        for row in rows
    ]
    return [*shown, *hits]


async def _titles(connection: AsyncConnection, query: str) -> list[SearchHit]:
    """Conversations whose title holds every word; the hit is the message that is shown last."""
    words = _words(query)
    statement = select(conversations).where(
        conversations.c.deleted_at.is_(None), conversations.c.leaf_id.is_not(None)
    )
    for word in words:
        statement = statement.where(conversations.c.title.icontains(word, autoescape=True))
    rows = await connection.execute(statement.order_by(conversations.c.updated_at.desc()).limit(MOST_TITLES))
    return [
        SearchHit(
            conversation_id=row.id,
            conversation_title=row.title,
            message_id=row.leaf_id,
            snippet=_marked(row.title, words),
            role=Role.USER,
            created_at=row.updated_at,
            in_title=True,
        )
        for row in rows
    ]


def _marked(title: str, words: list[str]) -> str:
    """The title with the matching words between the two marks."""
    lowered, inside = title.casefold(), [False] * len(title)
    if len(lowered) != len(title):
        return title
    for word in words:
        at = lowered.find(word.casefold())
        while at >= 0:
            end = at + len(word)
            while end < len(title) and title[end].isalnum():
                end += 1
            inside[at:end] = [True] * (end - at)
            at = lowered.find(word.casefold(), end)
    marked, open_ = [], False
    for letter, is_in in zip(title, inside, strict=False):
        if is_in != open_:
            marked.append(FIRST if is_in else LAST)
            open_ = is_in
        marked.append(letter)
    return "".join(marked) + (LAST if open_ else "")


def _words(query: str) -> list[str]:
    words = query.replace("\0", " ").replace('"', " ").split()
    return [word for word in words if any(letter.isalnum() for letter in word)]
