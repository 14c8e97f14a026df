"""Remembers which end was shown below a message when its branch was left, over the end of the program too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_KEPT = 500
"""Branches that are remembered; those left longest ago are forgotten first and lead to their newest end."""


class LeftEnds:
    """The last end shown, by a message above it that has others beside it.

    Args:
        kept: what `on_changed` got last, in another run; what makes no sense of it is dropped.
        on_changed: told all of it, as a JSON value, after each change.
    """

    def __init__(self, kept: object = None, on_changed: Callable[[Any], object] = lambda _: None) -> None:
        self._ends = dict(_ids_in(kept))
        self._on_changed = on_changed

    def leave(self, above: Iterable[UUID], end: UUID) -> None:
        """The branch that goes through these messages is left; it was shown down to `end`."""
        for message_id in above:
            self._ends.pop(message_id, None)
            self._ends[message_id] = end
        while len(self._ends) > MOST_KEPT:
            del self._ends[next(iter(self._ends))]
        self._tell()

    def below(self, message_id: UUID) -> UUID:
        """The end that was shown last below a message; itself when that is not known."""
        return self._ends.get(message_id, message_id)

    def forget(self, message_id: UUID) -> None:
        """The end is not there any more."""
        if self._ends.pop(message_id, None) is not None:
            self._tell()

    def _tell(self) -> None:
        self._on_changed({str(message_id): str(end) for message_id, end in self._ends.items()})


def _ids_in(kept: object) -> list[tuple[UUID, UUID]]:
    if not isinstance(kept, dict):
        return []
    try:
        return [(UUID(str(key)), UUID(str(value))) for key, value in kept.items()]
    except ValueError:
        return []
