"""Who may use the doors: the setting, the key, and the file that keeps it."""

from __future__ import annotations

import contextlib
import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers

from backend_embedded.contract.settings import LocalApi
from backend_embedded.errors import Forbidden, StorageUnavailable, Unauthorized
from backend_embedded.settings import write_whole

log = logging.getLogger(__name__)

KEY_FILE = "local-api-key"
KEY_BYTES = 24
FREE_PATHS = frozenset({"/"})
"""Probes without a key in them: they tell no more than `/health`."""


class LocalApiAccess:
    """The mode of the two doors and their key, which is made at the first start.

    Args:
        set_mode: the mode of the settings as it is now.
        folder: where the key is kept.
        override: the mode of this run, whatever the settings say.
    """

    def __init__(self, set_mode: Callable[[], LocalApi], folder: Path, override: LocalApi | None) -> None:
        self._set_mode = set_mode
        self._file = folder / KEY_FILE
        self._override = override
        self._key = self._read()

    @property
    def mode(self) -> LocalApi:
        """Off, with key, or open."""
        return self._override or self._set_mode()

    @property
    def key(self) -> str:
        """The key; empty while none could be written."""
        return self._key

    def _read(self) -> str:
        """The key that is kept, or the first one."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            key = self._file.read_text(encoding="ascii").strip()
            self._file.chmod(0o600)
            if key:
                return key
        try:
            return self.new_key()
        except StorageUnavailable as error:
            log.warning("%s Nobody gets in with a key until one can be.", error.message)
            return ""

    def new_key(self) -> str:
        """Make another key; the old one is refused from then on. Blocks. Raises StorageUnavailable."""
        key = f"sk-sutazai-{secrets.token_urlsafe(KEY_BYTES)}"
        try:
            write_whole(self._file, f"{key}\n", mode=0o600)
        except OSError as error:
            raise StorageUnavailable(
                f"The key could not be written to {self._file}: {error.strerror}.",
                remedy="Check the folder's rights and the free space.",
                file=str(self._file),
            ) from error
        self._key = key
        return key

    def is_key(self, given: str) -> bool:
        """Whether this is the key."""
        return bool(self._key) and hmac.compare_digest(given.encode(), self._key.encode())

    def check(self, path: str, headers: Headers) -> None:
        """Let a request to a door in, or raise Forbidden or Unauthorized."""
        mode = self.mode
        if mode is LocalApi.OFF:
            raise Forbidden(
                "The local API is off.", remedy="Turn it on in the settings, or start with --local-api key."
            )
        if mode is LocalApi.OPEN or path in FREE_PATHS:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.is_key(given.strip()):
            raise Unauthorized(
                "Incorrect API key provided.", remedy="The key stands in the settings, under Local API."
            )
