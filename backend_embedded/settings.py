"""The backend's settings, kept in `config/backend.json` of a home."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from backend_embedded.addresses import hidden, whole
from backend_embedded.contract.events import SettingsChanged
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.errors import InvalidInput, StorageUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

ADDRESSES = frozenset({"database_url", "cache", "queue", "ollama_url", "proxy"})
"""Settings that may have a password in them."""


class SettingsFile:
    """Holds the settings and writes every change to their file, atomically.

    Args:
        file: the JSON file; a broken one is set aside and the defaults are used.
        publish: told of every change.
    """

    def __init__(self, file: Path, publish: Callable[[SettingsChanged], None]) -> None:
        self._file = file
        self._publish = publish
        self._settings = read(file)
        self._changing = asyncio.Lock()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="settings")

    @property
    def current(self) -> BackendSettings:
        """The settings now, with the passwords that are in addresses: for who connects, not to be told."""
        return self._settings

    @property
    def told(self) -> BackendSettings:
        """The settings now, with `***` for the passwords in addresses."""
        return _told(self._settings)

    @property
    def folder(self) -> Path:
        """Where the file is."""
        return self._file.parent

    async def on_disk(self, work: Callable[[], T]) -> T:
        """Have the thread that writes do `work`, in turn with the writing."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def change(self, patch: SettingsPatch) -> BackendSettings:
        """Set what the patch names; where `***` stands for a password, the one that is kept stays.

        Raises:
            InvalidInput: a folder that does not exist, an address that makes no sense, or a hidden password
                that is kept for another server.
            StorageUnavailable: the file cannot be written; nothing was changed.
        """
        async with self._changing:
            changes = {name: value for name, value in patch.model_dump().items() if value is not None}
            for name in ADDRESSES & changes.keys():
                changes[name] = whole(changes[name], getattr(self._settings, name), name)
            changed = self._settings.model_copy(update=changes)
            if fields := _different(self._settings, changed):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._disk, self._keep, changed)
                self._settings = changed
                self._publish(SettingsChanged(settings=_told(changed), fields=fields))
            return self._settings

    def close(self) -> None:
        """End the thread that writes."""
        self._disk.shutdown()

    def _keep(self, settings: BackendSettings) -> None:
        _check_services(settings, self._settings)
        folder = settings.models_folder
        if folder and folder != self._settings.models_folder and not Path(folder).is_dir():
            raise InvalidInput(
                f"The folder {folder} does not exist.",
                remedy="Choose a folder that exists.",
                fields=[{"field": "models_folder", "problem": "no such folder"}],
            )
        try:
            # An address of a service may have a password in it.
            write_whole(self._file, settings.model_dump_json(indent=2) + "\n", mode=0o600)
        except OSError as error:
            raise StorageUnavailable(
                f"The settings could not be written to {self._file}: {error.strerror}.",
                remedy="Check the folder's rights and the free space.",
                file=str(self._file),
            ) from error


def _told(settings: BackendSettings) -> BackendSettings:
    return settings.model_copy(update={name: hidden(getattr(settings, name)) for name in ADDRESSES})


def _different(before: BackendSettings, after: BackendSettings) -> tuple[str, ...]:
    return tuple(name for name in type(after).model_fields if getattr(before, name) != getattr(after, name))


def _check_services(wanted: BackendSettings, now: BackendSettings) -> None:
    """Refuse an address that no server can have; one that was kept before is left. Raises InvalidInput."""
    if wanted.cache != now.cache:
        _check_address("cache", wanted.cache, ("redis", "rediss", "unix"), "redis://127.0.0.1:6379")
    if wanted.queue != now.queue:
        _check_address("queue", wanted.queue, ("amqp", "amqps"), "amqp://guest:guest@127.0.0.1:5672/")
    if wanted.database_url != now.database_url:
        _check_database(wanted.database_url)


def _check_address(field: str, text: str, schemes: tuple[str, ...], example: str) -> None:
    if text.strip() in ("", "auto", "embedded"):
        return
    try:
        parts = urlsplit(text)
        right = parts.scheme in schemes and parts.port != 0 and parts.query.partition("=")[0] in ("", "db")
        right = right and bool(parts.path if parts.scheme == "unix" else parts.hostname)
    except ValueError:
        right = False
    if not right:
        raise InvalidInput(
            f"The setting {field} is auto, embedded or an address such as {example}.",
            remedy="Correct the address.",
            fields=[{"field": field, "problem": "no address of this kind of server"}],
        )


def _check_database(url: str) -> None:
    """Refuse an address with which the next start would fail. Raises InvalidInput."""
    if not url:
        return
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
        right = parts.get_backend_name() in ("postgresql", "postgres") and bool(parts.database)
    except (ArgumentError, ValueError):
        right = False
    if not right:
        raise InvalidInput(
            "This is no address of a PostgreSQL database.",
            remedy="Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
            fields=[{"field": "database_url", "problem": "no address of a PostgreSQL database"}],
        )


def read(file: Path) -> BackendSettings:
    """The settings in `file`, or the defaults; a broken file is renamed to `….broken`."""
    try:
        return BackendSettings.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return BackendSettings()
    except (ValidationError, OSError) as error:
        aside = file.with_name(file.name + ".broken")
        log.warning("The settings in %s cannot be read; the defaults are used: %s", file, error)
        try:
            file.replace(aside)
        except OSError:
            log.warning("The broken settings could not be set aside as %s", aside)
        return BackendSettings()


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader (or a crash) finds the old one or the new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fsync(output.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
