"""What the shell is given: pages, notifications, capabilities, and the place where it keeps its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from PySide6.QtWidgets import QWidget


class StateStore(Protocol):
    """Keeps JSON values from one start to the next; neither call waits for a file."""

    def get(self, key: str) -> Any:
        """The value, or None."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        ...


class MemoryStore:
    """A store that forgets at the end; for a window without a home."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self._values.get(key)

    def set(self, key: str, value: Any) -> None:
        """Keep a value until the end of the process."""
        self._values[key] = value


class CapabilityState(Protocol):
    """What the status bar reads of a capability (the wire's `Capability` fits)."""

    @property
    def name(self) -> str:
        """For example `model`."""
        ...

    @property
    def state(self) -> str:
        """`ok`, `degraded` or `down`."""
        ...

    @property
    def provider(self) -> str:
        """Who serves it."""
        ...

    @property
    def product(self) -> str:
        """What serves it, with version or model name."""
        ...

    @property
    def reason(self) -> str:
        """Why it is not ok."""
        ...

    @property
    def since(self) -> datetime:
        """Since when it is in this state."""
        ...


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page of the window.

    Attributes:
        key: stable name, for example `chat`.
        title: name in the rail and in the window's title.
        icon: name of an icon.
        shortcut: keys that open it, for example `Ctrl+1`.
        factory: makes the page when it is shown first.
        at_bottom: it stands at the lower end of the rail.
    """

    key: str
    title: str
    icon: str
    shortcut: str
    factory: Callable[[], QWidget]
    at_bottom: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that happened out of the user's sight.

    Attributes:
        state: `ok`, `degraded`, `down` or `off`.
        title: what happened.
        text: more about it.
        actions: words of buttons and what they do.
        at: when.
    """

    state: str
    title: str
    text: str = ""
    actions: tuple[tuple[str, Callable[[], object]], ...] = ()
    at: datetime = field(default_factory=lambda: datetime.now().astimezone())
