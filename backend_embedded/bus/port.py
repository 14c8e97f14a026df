"""The port of the event log: what happened, numbered, for any number of subscribers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from backend_embedded.contract.events import Event


class EventLog(Protocol):
    """A numbered log of events that a subscriber can take up again after a cut."""

    def publish(self, event: Event) -> None:
        """Number the event and hand it to all subscribers; never waits for any of them."""
        ...

    def subscribe(self, last_id: str | None = None) -> AsyncGenerator[tuple[str, Event], None]:
        """Stream `(id, event)` after the one with `last_id`.

        Where what followed `last_id` is not kept (none given, too old, another run, a subscriber that fell
        behind), a `Snapshot` of the whole state comes first. Ends when the log is closed.
        """
        ...

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        ...

    def close(self) -> None:
        """End every subscription."""
        ...
