"""Publishes what waits in the outbox, in the order of writing; outages and full queues only delay it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self
from uuid import UUID

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import ControlCenterError, InvalidInput
from backend_embedded.queue.messages import message_of
from backend_embedded.queue.port import MessageQueue
from backend_embedded.queue.topology import BINDINGS, queue_for

log = logging.getLogger(__name__)

BATCH = 100
LONGEST = 10_000
"""So many messages may wait in one queue; what is beyond it waits in the outbox, with the rows it tells of."""
LOOK_S = 5.0
"""Between two looks when nobody tells that something was written."""
KEPT = timedelta(days=1)
"""So long what was published stays."""
KNOWN = timedelta(days=30)
"""So long a message that comes again is known, as a dead letter does that is sent again."""
TIDY_S = 3_600.0


class Announcement(Protocol):
    """A message that waits to be published."""

    @property
    def number(self) -> int:
        """Its place in the order."""
        ...

    @property
    def id(self) -> UUID:
        """The message's id."""
        ...

    @property
    def routing_key(self) -> str:
        """What it is published with."""
        ...

    @property
    def body(self) -> dict[str, Any]:
        """The message, ready for JSON."""
        ...


class Outbox(Protocol):
    """Messages that are written with the rows they tell of; all raise StorageUnavailable."""

    async def waiting(
        self, limit: int, after: int = 0, without: Sequence[str] = ()
    ) -> Sequence[Announcement]:
        """What is not published yet, in the order of writing, without the keys that begin so."""
        ...

    async def published(self, numbers: Sequence[int], at: datetime) -> None:
        """These were confirmed."""
        ...

    async def failed(self, numbers: Sequence[int]) -> None:
        """These were tried in vain."""
        ...

    async def count(self) -> int:
        """How many are not published yet."""
        ...

    async def forget(self, published_before: datetime, heeded_before: datetime) -> int:
        """Remove what was published, and the marks of what was handled, before those times."""
        ...


class OutboxRelay:
    """Publishes from the outbox while it is open (`async with`).

    One message after the other, each confirmed before the next, so that the order holds whatever fails here.
    (Between a broker and the program's file, which stands in for it, messages may overtake each other.) What was
    published and not marked when the program died is published again, under the same id. A queue that nobody
    empties is not filled for ever: its messages wait here until there is room, and hold up no other queue's.

    Args:
        now: the time, with a zone.
        look_s: seconds between two looks when nobody calls `wake`.
        longest: messages that may wait in one queue.
    """

    def __init__(
        self,
        outbox: Outbox,
        queue: MessageQueue,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_s: float = LOOK_S,
        longest: int = LONGEST,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._now = now
        self._look_s = look_s
        self._longest = longest
        self._written = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="publish from the outbox")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something may have been written."""
        self._written.set()

    async def publish_all(self) -> int:
        """Publish what waits and has room; how many messages.

        Raises:
            QueueUnavailable, StorageUnavailable: the rest waits on.
        """
        count = after = 0
        room: dict[QueueName, int] = {}
        while found := await self._outbox.waiting(BATCH, after, _full(room)):
            room = room or await self._room()
            count += await self._publish(found, room)
            after = found[-1].number
        return count

    async def _room(self) -> dict[QueueName, int]:
        """How many more messages each queue may hold."""
        return {depth.name: self._longest - depth.ready for depth in await self._queue.depths()}

    async def _publish(self, found: Sequence[Announcement], room: dict[QueueName, int]) -> int:
        done: list[int] = []
        failed: list[int] = []
        try:
            for one in found:
                try:
                    queue = queue_for(one.routing_key)
                    if room[queue] <= 0:
                        continue
                    await self._queue.publish(one.routing_key, message_of(one.routing_key, one.body), one.id)
                except InvalidInput as error:
                    # It stays where it is and does not hold up the others.
                    log.warning("Message %s of the outbox is none: %s", one.id, error.message)
                    failed.append(one.number)
                except ControlCenterError:
                    failed.append(one.number)
                    raise
                else:
                    room[queue] -= 1
                    done.append(one.number)
        finally:
            await self._outbox.published(done, self._now())
            await self._outbox.failed(failed)
        return len(done)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tidied_s = -TIDY_S
        while True:
            self._written.clear()
            try:
                await self.publish_all()
                if loop.time() - tidied_s >= TIDY_S:
                    tidied_s = loop.time()
                    await self._outbox.forget(self._now() - KEPT, self._now() - KNOWN)
            except ControlCenterError as error:
                log.info("The outbox waits: %s", error.message)
                await asyncio.sleep(min(1.0, self._look_s))
            except Exception:
                # Whatever it is: what waits here is not forgotten until the program is started again.
                log.warning("The outbox could not be published", exc_info=True)
                await asyncio.sleep(min(1.0, self._look_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._written.wait()


def _full(room: Mapping[QueueName, int]) -> list[str]:
    """The beginnings of the keys whose queues have no room."""
    return [pattern.removesuffix("*") for queue, pattern in BINDINGS.items() if room.get(queue, 1) <= 0]
