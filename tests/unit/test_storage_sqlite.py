"""What only the SQLite store has: the file, its crash recovery, its versions and its driver's errors."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import State
from backend_embedded.errors import StorageUnavailable
from backend_embedded.storage.database import set_in_order
from backend_embedded.storage.embedded import SqliteConversationStore
from backend_embedded.storage.schema import SCHEMA_VERSION, metadata
from backend_embedded.storage.upgrade import MIGRATIONS

WRITER = """
import asyncio, sys
from pathlib import Path
from backend_embedded.storage.embedded import SqliteConversationStore

async def main():
    async with SqliteConversationStore(Path(sys.argv[1]), lambda _: None) as store:
        turn = await store.ask("q", title="T")
        number = 0
        while True:
            await store.append(turn.answer.id, f"{number} ")
            print(turn.answer.id, number, flush=True)
            number += 1

asyncio.run(main())
"""


def ignore(_: CapabilityChanged) -> None:
    pass


def killed_while_writing(file: Path) -> int:
    """The number of the last piece that a writer said it had stored before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as writer:
        assert writer.stdout is not None
        for _ in range(100):
            last = writer.stdout.readline().split()
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    return int((rest[-1].split() if rest and len(rest[-1].split()) == 2 else last)[1])


async def test_a_killed_writer_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    seen = killed_while_writing(file)
    async with SqliteConversationStore(file, ignore) as store:
        (chat,) = (await store.conversations()).conversations
        assert not chat.writing
        answer = (await store.branch(chat.id)).messages[-1]
        assert answer.status is MessageStatus.INCOMPLETE
        assert answer.error is not None
        assert "ended while it was answering" in answer.error.message
        assert answer.text.startswith("".join(f"{n} " for n in range(seen + 1)))
        assert [hit.message_id for hit in await store.search("57")] == [answer.id]


async def test_the_revisions_make_the_tables_that_the_program_reads(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    async with SqliteConversationStore(file, ignore):
        pass
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda _o, name, *_: not str(name).startswith("message_search"),
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_revision_is_the_one_that_opens_fast() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(configuration).get_current_head() == SCHEMA_VERSION


async def test_opening_a_store_of_this_version_needs_no_alembic(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    async with SqliteConversationStore(file, ignore):
        pass
    open_without_alembic(file)


def open_without_alembic(file: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from backend_embedded.storage.embedded import SqliteConversationStore\n"
        "async def main():\n"
        "    async with SqliteConversationStore(Path(sys.argv[1]), lambda _: None): pass\n"
        "asyncio.run(main())\nassert 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, cwd=Path.cwd())


async def test_a_start_does_not_read_all_messages_to_find_those_that_were_cut(tmp_path: Path) -> None:
    async with SqliteConversationStore(tmp_path / "a.db", ignore) as store:
        seen: list[str] = []

        async def work(connection: AsyncConnection) -> None:
            await set_in_order(connection)
            for statement in seen:
                plan = await connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")
                )
                assert "ix_messages_writing" in str(plan.all())

        def listen(_c: object, _u: object, statement: str, *_: object) -> None:
            if statement.startswith("UPDATE messages"):
                seen.append(statement)

        engine = store.database._writer.sync_engine
        event.listen(engine, "before_cursor_execute", listen)
        await store.database.write(work)
        assert len(seen) == 1


async def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    async with SqliteConversationStore(file, ignore):
        pass
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    store = SqliteConversationStore(file, ignore)
    with pytest.raises(StorageUnavailable, match="9999") as caught:
        await store.__aenter__()
    assert caught.value.remedy is not None
    await store.__aexit__(None, None, None)


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
async def test_a_damaged_file_is_told_with_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(content)
    store = SqliteConversationStore(file, ignore)
    with pytest.raises(StorageUnavailable, match=r"a\.db") as caught:
        await store.__aenter__()
    assert caught.value.remedy is not None
    await store.__aexit__(None, None, None)


async def test_a_full_disk_is_told_and_recovered_from(tmp_path: Path) -> None:
    changes: list[CapabilityChanged] = []
    async with SqliteConversationStore(tmp_path / "a.db", changes.append) as store:
        turn = await store.ask("q", title="T")
        assert store.database.appender is not None
        await store.database.appender.execute("PRAGMA max_page_count=1")
        with pytest.raises(StorageUnavailable, match="full"):
            await store.append(turn.answer.id, "x" * 200_000)
        assert store.capability().state is State.DOWN
        await store.database.appender.execute("PRAGMA max_page_count=1000000")
        await store.append(turn.answer.id, "y")
        assert (await store.message(turn.answer.id)).text == "y"
    assert [change.capability.state for change in changes] == [State.DOWN, State.OK]


async def test_a_conversation_of_2000_messages_opens_at_once(tmp_path: Path) -> None:
    async with SqliteConversationStore(tmp_path / "a.db", ignore) as store:
        turn = await store.ask("q", title="T")
        await store.finish(turn.answer.id, MessageStatus.COMPLETE)
        connection = sqlite3.connect(tmp_path / "a.db")
        with connection:
            parent, chat = turn.answer.id.hex, turn.conversation.id.hex
            for depth in range(3, 2_001):
                row_id = f"{depth:032x}"
                connection.execute(
                    "INSERT INTO messages (id, conversation_id, parent_id, depth, role, status, created_at, "
                    "text) VALUES (?, ?, ?, ?, 'user', 'complete', '2026-01-01 00:00:00.000000', 'word')",
                    (row_id, chat, parent, depth),
                )
                parent = row_id
            connection.execute("UPDATE conversations SET leaf_id = ?", (parent,))
        connection.close()
        page = await store.branch(turn.conversation.id, limit=20)
        assert (len(page.messages), page.total) == (20, 2_000)
        assert len((await store.branch(turn.conversation.id)).messages) == 2_000
        await store.remove(turn.conversation.id)
        assert (await store.conversations()).total == 0
