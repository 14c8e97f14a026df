"""Finds the broker that the setting means, uses it while it serves, and knows why when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.broker import AUTO, EMBEDDED, REFUSED, Broker, MakeBroker, Waits, listens
from backend_embedded.queue.port import Delivery
from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker

log = logging.getLogger(__name__)

Forward = Callable[[Delivery], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Uses:
    """What is done with a broker, and about it.

    Attributes:
        join: have its messages handled too; None: those of no broker any more.
        hand_over: have what was kept here meanwhile kept there; how many messages went. Raises QueueUnavailable.
        changed: what is known of it may be another.
        looked: called after each look.
    """

    join: Callable[[Broker | None], Awaitable[None]]
    hand_over: Callable[[Forward], Awaitable[int]]
    changed: Callable[[], None]
    looked: Callable[[], Awaitable[None]]


class BrokerWatch:
    """One broker at a time; open it with `async with`.

    A broker that was named is waited for. Of those that are looked for by themselves each gets one try; when
    none serves, all are tried again after a pause, a longer one where we were refused. After five failures one
    after the other a broker is not asked for 30 seconds, and must then answer twice; a new connection begins
    anew.

    Args:
        setting: `auto`, `embedded` or an address, as it is now.
        make_broker: makes the queue of an address.
        uses: what is done with a broker.
        usual_urls: where to look when the setting is `auto`.
        waits: how long things may take.
        breaker: counts failures.
    """

    def __init__(
        self,
        setting: Callable[[], str],
        make_broker: MakeBroker,
        uses: Uses,
        usual_urls: Sequence[str],
        waits: Waits,
        breaker: CircuitBreaker,
    ) -> None:
        self._set_to = setting
        self._make_broker = make_broker
        self._uses = uses
        self._usual_urls = tuple(usual_urls)
        self._waits = waits
        self._breaker = breaker
        self._broker: Broker | None = None
        self._served_before = False
        self._slow = False
        self._trouble = ""
        self._passed_over: set[str] = set()
        self._refusals: dict[str, str] = {}
        self._refused_until_s: dict[str, float] = {}
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_looking(), name="look for RabbitMQ")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look_soon(self) -> None:
        """Look now, as after a change of the settings."""
        self._refused_until_s.clear()
        self._look.set()

    # -- what is known, without asking ------------------------------------------------------------

    @property
    def serving(self) -> Broker | None:
        """The broker, while it is connected."""
        return self._broker if self._broker is not None and self._broker.connected.is_set() else None

    @property
    def trusted(self) -> Broker | None:
        """The same, unless it failed to take a message."""
        return None if self._slow else self.serving

    @property
    def circuit(self) -> str:
        """State of its circuit breaker."""
        return self._breaker.state.value

    @property
    def reason(self) -> str:
        """Why none is trusted though one was named, or served before; else empty."""
        broker = self._broker
        if self.trusted is not None or not (self._served_before or self._named()):
            return ""
        if broker is None:
            return self._trouble
        said = broker.reason or f"{broker.capability().product} does not confirm messages in time."
        return " ".join(filter(None, (said, self._breaker.told)))

    @property
    def refusals(self) -> str:
        """Which brokers were found by themselves and do not let us in, and what to do; else empty."""
        return " ".join(self._refusals.values()) if self._by_itself() else ""

    # -- calls ------------------------------------------------------------------------------------

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> bool:
        """Whether the broker keeps this message now."""
        broker = self.serving
        return broker is not None and await self._done(
            broker, lambda: broker.send(routing_key, body, message_id)
        )

    async def _done(self, broker: Broker, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether the broker did it; it is not even asked while the circuit is open."""
        call = self._breaker.admit()
        if call is None:
            return False
        try:
            await work()
        except QueueUnavailable:
            call.failed()
            broker.look_soon()
            self._becomes_slow(True)
            return False
        except BaseException:
            call.left()
            raise
        call.succeeded()
        self._becomes_slow(False)
        return True

    def _becomes_slow(self, slow: bool) -> None:
        was, self._slow = self._slow, slow
        if was or slow:
            self._uses.changed()

    # -- looking ----------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        """Use the broker of the setting until the setting is another one; look for one where there is none."""
        while True:
            try:
                if self._trouble:
                    self._uses.changed()
                url = await self._find()
                if url:
                    await self._use(url)
                else:
                    await self._rest()
            except Exception as error:
                # Whatever it is, the program has its own queue, and looks again.
                log.warning("The look for a message broker failed", exc_info=True)
                self._trouble = f"The broker cannot be used: {error}."
                await self._pause()

    async def _use(self, url: str) -> None:
        """Until the setting means another one, or this one turns out to be of no use."""
        self._served_before = self._slow = False
        self._breaker.reset()
        async with await self._make_broker(url, self._heard) as broker:
            self._broker, self._trouble = broker, ""
            try:
                await self._uses.join(broker)
                while self._means(url) and not self._passes_over(url, broker):
                    await self._serve(broker)
            finally:
                self._broker = None
                await self._uses.join(None)

    def _heard(self) -> None:
        """It connected, or is not connected any more."""
        if self.serving is not None:
            self._breaker.reset()
        self._look.set()

    def _setting(self) -> str:
        return self._set_to().strip()

    def _named(self) -> bool:
        return not self._by_itself() and self._setting() != EMBEDDED

    def _by_itself(self) -> bool:
        return self._setting() in (AUTO, "")

    def _means(self, url: str) -> bool:
        return url in self._usual_urls if self._by_itself() else self._setting() == url

    def _passes_over(self, url: str, broker: Broker) -> bool:
        """Whether one that was found by itself was tried in vain: another place may be the right one."""
        failure = broker.failure
        if failure is None or self._served_before or not self._by_itself():
            return False
        self._passed_over.add(url)
        if failure.details.get(REFUSED):
            self._refusals[url] = f"{failure.message} {failure.remedy}"
            self._refused_until_s[url] = asyncio.get_running_loop().time() + self._waits.refused_s
        else:
            self._refusals.pop(url, None)
        return True

    async def _serve(self, broker: Broker) -> None:
        """One look at the broker: see how it is, hand over what is left here."""
        if broker.connected.is_set() and self._breaker.admits:
            if (not self._served_before or self._slow) and await self._answers(broker):
                self._served_before, self._slow = True, False
                self._refusals.clear()
            if self._served_before and not self._slow:
                await self._hand_over(broker)
        await self._rest()

    async def _answers(self, broker: Broker) -> bool:
        """Whether it tells what it holds: once, or as often as a circuit that was open needs to close."""
        while (call := self._breaker.admit()) is not None:
            trial = self._breaker.state is BreakerState.HALF_OPEN
            ended = (call.succeeded, call.failed) if trial else (call.left, call.left)
            try:
                async with asyncio.timeout(self._waits.answer_s):
                    await broker.depths()
            except (QueueUnavailable, TimeoutError):
                ended[1]()
                return False
            ended[0]()
            if self._breaker.state is BreakerState.CLOSED:
                return True
        return False

    async def _hand_over(self, broker: Broker) -> None:
        """Give the broker what was kept here meanwhile; what it does not confirm stays."""

        async def forward(delivery: Delivery) -> None:
            if not await self._done(broker, lambda: broker.forward(delivery)):
                raise QueueUnavailable("The broker did not confirm it.")

        with contextlib.suppress(QueueUnavailable):
            went = await self._uses.hand_over(forward)
            if went:
                log.info("%d messages that were kept meanwhile went to the broker", went)

    async def _rest(self) -> None:
        await self._uses.looked()
        await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits.look_s):
                await self._look.wait()
        self._look.clear()

    async def _find(self) -> str:
        """The address to use now; empty: none."""
        if not self._by_itself():
            self._passed_over.clear()
            return self._setting() if self._named() else ""
        for url in self._usual_urls:
            if url in self._passed_over:
                continue
            if not await listens(url):
                self._refusals.pop(url, None)
                self._refused_until_s.pop(url, None)
            elif asyncio.get_running_loop().time() >= self._refused_until_s.get(url, 0.0):
                return url
        self._passed_over.clear()
        return ""
