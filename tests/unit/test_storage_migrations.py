"""The revisions of the store, up and down, with data in it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from backend_embedded.storage.embedded import SqliteConversationStore
from backend_embedded.storage.upgrade import MIGRATIONS


def migrate(file: Path, revision: str, *, down: bool = False) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(configuration, revision)
    engine.dispose()


def columns(file: Path, table: str) -> set[str]:
    connection = sqlite3.connect(file)
    found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    connection.close()
    return found


async def test_a_store_of_the_first_version_keeps_all_its_conversations(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    migrate(file, "0001")
    before = columns(file, "conversations")
    chat, question = uuid4(), uuid4()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(
            "INSERT INTO conversations (id, title, created_at, updated_at, leaf_id, draft) "
            "VALUES (?, 'Old', ?, ?, ?, 'typed')",
            (chat.hex, now, now, question.hex),
        )
        connection.execute(
            "INSERT INTO messages (id, conversation_id, depth, role, status, created_at, text) "
            "VALUES (?, ?, 1, 'user', 'complete', ?, 'an old needle')",
            (question.hex, chat.hex, now),
        )
    connection.close()
    async with SqliteConversationStore(file, lambda _: None) as store:
        there = await store.conversation(chat)
        assert (there.title, there.draft, there.pinned, there.tags) == ("Old", "typed", False, ())
        assert (await store.message(question)).attachments == ()
        assert [hit.message_id for hit in await store.search("needle")] == [question]
        turn = await store.ask("next", title="T", conversation_id=chat)
        assert turn.question is not None
    migrate(file, "0001", down=True)
    assert columns(file, "conversations") == before
    assert columns(file, "presets") == set()
    migrate(file, "head")
    async with SqliteConversationStore(file, lambda _: None) as store:
        assert [hit.message_id for hit in await store.search("needle")] == [question]
        assert (await store.message(turn.question.id)).text == "next"
