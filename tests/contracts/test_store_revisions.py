"""The tables of the store: made by the revisions as the program reads them, up and down, with data in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from postgres_stage import Stage
from sqlalchemy import Connection, Engine, Uuid, create_engine, inspect, text

from backend_embedded.storage.records import SPECIFIED, outbox, processed_messages
from backend_embedded.storage.schema import SCHEMA_VERSION, metadata
from backend_embedded.storage.upgrade import MIGRATIONS, stored_version, upgrade


@pytest.fixture
def engine(database_stage: Stage | None, tmp_path: Path) -> Iterator[Engine]:
    """An empty database without any table."""
    if database_stage is None:
        made = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
        yield made
        made.dispose()
        return
    from backend_embedded.storage.postgres_engine import address

    name = database_stage.server.database()
    made = create_engine(address(database_stage.server.url(name)))
    yield made
    made.dispose()
    database_stage.server.drop(name)


def migrate(connection: Connection, revision: str, *, down: bool = False) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(configuration, revision)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "include_object": lambda _o, name, *_: not str(name).startswith("message_search"),
        },
    )
    return list(compare_metadata(context, metadata))


def test_the_revisions_make_what_the_program_reads(engine: Engine) -> None:
    with engine.begin() as connection:
        assert upgrade(connection)
        assert not upgrade(connection), "the second time there is nothing to do"
        assert differences(connection) == []
        noted = connection.execute(text("SELECT version FROM migrations ORDER BY version")).scalars()
        assert list(noted) == [f"{number:04}" for number in range(1, int(SCHEMA_VERSION) + 1)]


def test_each_revision_can_be_taken_back_and_made_again(engine: Engine) -> None:
    chat, message = uuid4(), uuid4()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    given = {"id": chat.hex, "message": message.hex, "now": now}
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO conversations (id, title, created_at, updated_at, draft) "
                "VALUES (:id, 'Old', :now, :now, 'typed')"
            ),
            given,
        )
        connection.execute(
            text(
                "INSERT INTO messages (id, conversation_id, depth, role, status, created_at, text) "
                "VALUES (:message, :id, 1, 'user', 'complete', :now, 'an old needle')"
            ),
            given,
        )
    before: dict[str, set[str]] = {}
    for revision in ("0002", "0003", "0004"):
        with engine.begin() as connection:
            before[revision] = tables(connection)
            migrate(connection, revision)
            assert stored_version(connection) == revision
    for revision in ("0004", "0003", "0002"):
        with engine.begin() as connection:
            migrate(connection, f"{int(revision) - 1:04}", down=True)
            assert tables(connection) == before[revision]
    with engine.begin() as connection:
        migrate(connection, "head")
        assert differences(connection) == []
        row = connection.execute(text("SELECT id, title, draft FROM conversations").columns(id=Uuid)).one()
        assert tuple(row) == (chat, "Old", "typed")
        assert connection.execute(text("SELECT text FROM messages")).scalar_one() == "an old needle"
    with engine.begin() as connection:
        migrate(connection, "base", down=True)
        assert tables(connection) == {"alembic_version"}


def tables(connection: Connection) -> set[str]:
    """The names of the tables; those that SQLite's own search index is made of come and go with it."""
    names = set(inspect(connection).get_table_names())
    return {name for name in names if not name.startswith(("message_search_", "sqlite_"))}


def test_every_foreign_key_has_an_index_and_every_row_an_id(engine: Engine) -> None:
    assert len(SPECIFIED) == 14
    with engine.begin() as connection:
        upgrade(connection)
        seen = inspect(connection)
        for table in (*SPECIFIED, outbox):
            key = seen.get_pk_constraint(table.name)["constrained_columns"]
            assert key == (["number"] if table is outbox else ["id"])
            assert isinstance(table.c.id.type, Uuid)
            first = {index["column_names"][0] for index in seen.get_indexes(table.name)}
            first |= {unique["column_names"][0] for unique in seen.get_unique_constraints(table.name)}
            for foreign in seen.get_foreign_keys(table.name):
                assert foreign["constrained_columns"][0] in first, (table.name, foreign)
        assert seen.get_pk_constraint(processed_messages.name)["constrained_columns"] == [
            "message_id",
            "consumer",
        ]
