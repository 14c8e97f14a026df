"""Full-text search over titles and final messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import SearchHit
from backend_embedded.contract.generation import Role
from backend_embedded.storage.rows import AnyRow
from backend_embedded.storage.schema import UtcDateTime, conversations

FIRST, LAST = "\x02", "\x03"
MOST_TITLES = 10
SHORTEST_BEGINNING = 2
"""A single letter begins too many words: it is looked for as a word of its own."""

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
    exact, beginning = _matches(query)
    if not exact:
        return []
    titles = [] if conversation_id is not None else await _titles(connection, query)
    shown = titles[offset : offset + limit]
    room, start = limit - len(shown), max(0, offset - len(titles))
    full = await _more_than(connection, exact, limit - 1, conversation_id)
    wanted = exact if full or not beginning else beginning
    rows = await _page(connection, wanted, room, start, conversation_id) if room else []
    in_title = {hit.conversation_id for hit in titles}
    hits = [
        SearchHit(
            conversation_id=(found := UUID(row.conversation_id)),
            conversation_title=row.title,
            message_id=UUID(row.message_id),
            snippet=row.snippet,
            role=Role(row.role),
            created_at=row.created_at,
            in_title=found in in_title,
        )
        for row in rows
    ]
    return [*shown, *hits]


async def _page(
    connection: AsyncConnection, wanted: str, limit: int, offset: int, conversation_id: UUID | None
) -> Sequence[AnyRow]:
    given: dict[str, Any] = {"query": wanted, "limit": limit, "offset": offset}
    if conversation_id is not None:
        given["conversation_id"] = conversation_id.hex
    statement = text(FIND.format(within=WITHIN if conversation_id is not None else "")).columns(
        created_at=UtcDateTime
    )
    looked = limit + offset
    while True:
        rows = (await connection.execute(statement, given | {"looked": looked})).all()
        if len(rows) == limit or not await _more_than(connection, wanted, looked, conversation_id):
            return rows
        looked *= 10  # some of these were in the bin


async def _more_than(
    connection: AsyncConnection, wanted: str, count: int, conversation_id: UUID | None
) -> bool:
    """Whether the index has more matches than so many."""
    given: dict[str, Any] = {"query": wanted, "count": count}
    within = ""
    if conversation_id is not None:
        given["conversation_id"], within = conversation_id.hex, WITHIN
    further = text(
        f"SELECT 1 FROM message_search WHERE message_search MATCH :query {within} LIMIT 1 OFFSET :count"
    )
    return (await connection.execute(further, given)).first() is not None


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


def _matches(query: str) -> tuple[str, str]:
    """The query for whole words, and (empty if there is none) the one whose last word is a beginning.

    Quoted parts are phrases, each other word is quoted, so that nothing in it is read as an operator.
    """
    parts: list[str] = []
    for place, part in enumerate(query.replace("\0", " ").split('"')):
        pieces = [" ".join(part.split())] if place % 2 else part.split()
        parts += [f'"{piece}"' for piece in pieces if any(letter.isalnum() for letter in piece)]
    exact = " ".join(parts)
    ends_in_phrase = query.rstrip().endswith('"') and query.count('"') % 2 == 0
    if not parts or ends_in_phrase or len(parts[-1]) < SHORTEST_BEGINNING + 2:
        return exact, ""
    return exact, exact + "*"
