"""The one table of everything that can be done: palette, shortcut sheet and key bindings are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

RECENT = 5


def always() -> bool:
    """An action that can be done at any time."""
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: unique and stable; recency is remembered under it.
        title: verb first.
        run: does it; what it returns is not used.
        group: heading in palette and sheet, for example `Actions` or `Chats`.
        shortcut: in Qt's portable form, for example `Ctrl+K`; empty for none.
        icon: name of an icon of the set.
        place: where it belongs, in words, shown in a quiet tone.
        page: key of the page on which it works; empty for everywhere.
        enabled: whether it can be done now.
    """

    id: str
    title: str
    run: Callable[[], object]
    group: str = "Actions"
    shortcut: str = ""
    icon: str = "arrow-right"
    place: str = ""
    page: str = ""
    enabled: Callable[[], bool] = always


class ActionTable:
    """All actions, those that sources make on demand, and which were used last.

    Args:
        used: ids used before, last one first.
        on_used: told the new order after each use, to keep it.
    """

    def __init__(
        self, used: Iterable[str] = (), on_used: Callable[[tuple[str, ...]], None] | None = None
    ) -> None:
        self._actions: dict[str, Action] = {}
        self._sources: list[Callable[[], Iterable[Action]]] = []
        self._used = list(used)
        self._on_used = on_used
        self._listeners: list[Callable[[], None]] = []

    def add(self, *actions: Action) -> None:
        """Add actions; one of the same id is replaced.

        Raises:
            ValueError: another action of the same page (or of everywhere) has the shortcut already.
        """
        for action in actions:
            self._check_shortcut(action)
            self._actions[action.id] = action
        for listener in self._listeners:
            listener()

    def add_source(self, source: Callable[[], Iterable[Action]]) -> None:
        """Ask this for more actions each time the palette looks, for example one for each conversation."""
        self._sources.append(source)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this after actions were added."""
        self._listeners.append(listener)

    def fixed(self) -> tuple[Action, ...]:
        """The added actions, in the order they were added."""
        return tuple(self._actions.values())

    def available(self, page: str) -> tuple[Action, ...]:
        """What can be done now on a page, sources included."""
        made = (action for source in self._sources for action in source())
        return tuple(
            action
            for action in (*self._actions.values(), *made)
            if action.page in ("", page) and action.enabled()
        )

    def recent(self, page: str) -> tuple[Action, ...]:
        """Of what can be done now, the last used ones, last one first."""
        there = {action.id: action for action in self.available(page)}
        return tuple(there[name] for name in self._used if name in there)[:RECENT]

    def recency(self, action_id: str) -> int:
        """0 for the one used last, counting up; a large number for one that was never used."""
        try:
            return self._used.index(action_id)
        except ValueError:
            return 1_000_000

    def run(self, action: Action) -> None:
        """Do it, if it can be done now, and remember that it was used."""
        if not action.enabled():
            return
        if action.id in self._used:
            self._used.remove(action.id)
        self._used.insert(0, action.id)
        del self._used[50:]
        if self._on_used is not None:
            self._on_used(tuple(self._used))
        action.run()

    def _check_shortcut(self, new: Action) -> None:
        if not new.shortcut:
            return
        for old in self._actions.values():
            meets = "" in (old.page, new.page) or old.page == new.page
            if old.id != new.id and old.shortcut == new.shortcut and meets:
                raise ValueError(f"{new.shortcut} of {new.id!r} is taken by {old.id!r}")
