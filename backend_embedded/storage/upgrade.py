"""Brings the tables of a store to the version of this program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select, text

from backend_embedded.errors import StorageUnavailable
from backend_embedded.storage.records import migrations
from backend_embedded.storage.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection) -> bool:
    """Run the revisions that are missing; True if there were any.

    Raises:
        StorageUnavailable: the store was written by a newer version of the program.
    """
    found = stored_version(connection)
    if found == SCHEMA_VERSION:
        return False
    # Imported here: alembic costs a quarter of a second, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError

    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    try:
        command.upgrade(configuration, "head")
    except (ResolutionError, CommandError) as error:
        raise StorageUnavailable(
            f"The store has version {found}, which this program does not know.",
            remedy="Start the version of the program that wrote it, or a newer one.",
            found=found,
            known=SCHEMA_VERSION,
        ) from error
    _note(connection, configuration)
    return True


def stored_version(connection: Connection) -> str | None:
    """The revision of the store's tables; None when there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if version is None else str(version)


def _note(connection: Connection, configuration: Config) -> None:
    """Write down which revisions were run, for people; alembic itself keeps only the last one."""
    from alembic.script import ScriptDirectory

    known = set(connection.scalars(select(migrations.c.version)))
    for script in reversed(list(ScriptDirectory.from_config(configuration).walk_revisions())):
        if script.revision not in known:
            connection.execute(insert(migrations).values(version=script.revision, name=script.doc[:200]))
