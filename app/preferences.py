"""What the window remembers: theme, text size, motion, its place and its page, in `config/desktop.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from app.atomic_file import write_whole

FILE_NAME = "desktop.json"
THEMES = ("system", "light", "dark")
SMALLEST_TEXT_PERCENT = 75
LARGEST_TEXT_PERCENT = 200


@dataclass(frozen=True, slots=True)
class Preferences:
    """The window's own settings.

    Attributes:
        theme: `system`, `light` or `dark`.
        text_percent: size of text, 100 is the designed one.
        reduced_motion: no animations.
        welcomed: the first-run welcome has been seen.
        kept: what window and pages keep of their own: JSON values by key.
    """

    theme: str = "system"
    text_percent: int = 100
    reduced_motion: bool = False
    welcomed: bool = False
    kept: dict[str, Any] = field(default_factory=dict)


def decode(text: str) -> Preferences:
    """Preferences from JSON; a field that is missing or makes no sense has its default.

    Raises:
        ValueError: the text is not a JSON object.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    default = Preferences()
    kept = {
        name: found[name]
        for name, value in asdict(default).items()
        if name in found and type(found[name]) is type(value)
    }
    preferences = replace(default, **kept)
    return replace(
        preferences,
        theme=preferences.theme if preferences.theme in THEMES else default.theme,
        text_percent=min(LARGEST_TEXT_PERCENT, max(SMALLEST_TEXT_PERCENT, preferences.text_percent)),
    )


def load(config: Path) -> tuple[Preferences, str]:
    """The preferences of a configuration folder, and a notice when the file was broken (else empty).

    A broken file is set aside as `desktop.json.broken`, so that nothing that was in it is lost.
    """
    file = config / FILE_NAME
    try:
        return decode(file.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return Preferences(), ""
    except OSError as error:
        return Preferences(), f"{file} could not be read ({error.strerror}); the window starts with defaults."
    except ValueError:
        aside = file.with_name(file.name + ".broken")
        try:
            file.replace(aside)
        except OSError:
            return Preferences(), f"{file} is not readable JSON; the window starts with defaults."
        return Preferences(), f"{file} was not readable JSON. It was set aside as {aside.name}."


class PreferenceStore:
    """The preferences now, and their writing: in a thread, the last value only.

    Args:
        config: folder of the file.
        preferences: what `load` gave.
        thread: one owned thread for files.
        on_failure: told why a write failed, in that thread.
    """

    def __init__(
        self,
        config: Path,
        preferences: Preferences,
        thread: ThreadPoolExecutor,
        on_failure: Callable[[str], None],
    ) -> None:
        self._file = config / FILE_NAME
        self._value = preferences
        self._thread = thread
        self._on_failure = on_failure
        self._lock = Lock()
        self._unwritten: Preferences | None = None

    @property
    def value(self) -> Preferences:
        """The preferences now."""
        return self._value

    def get(self, key: str) -> Any:
        """A value that window or page keep; None when there is none."""
        return self._value.kept.get(key)

    def set(self, key: str, value: Any) -> None:
        """Keep a JSON value; returns at once."""
        self.change(kept={**self._value.kept, key: value})

    def change(self, **fields: Any) -> None:
        """Change some fields; returns at once. Many changes in a row become few writes."""
        changed = replace(self._value, **fields)
        if changed == self._value:
            return
        self._value = changed
        with self._lock:
            waiting, self._unwritten = self._unwritten is not None, changed
        if not waiting:
            self._thread.submit(self._write)

    def _write(self) -> None:
        with self._lock:
            value, self._unwritten = self._unwritten, None
        if value is None:
            return
        try:
            write_whole(self._file, json.dumps(asdict(value), indent=2) + "\n")
        except OSError as error:
            self._on_failure(f"{self._file} could not be written: {error.strerror}.")
