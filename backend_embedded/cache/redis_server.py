"""Looks for a Redis server off the critical path, and says when it is lost and when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from backend_embedded.cache.address import AUTO, EMBEDDED, USUAL_URLS, urls_of
from backend_embedded.cache.port import REFUSED, ServerCache, ServerFacts
from backend_embedded.cache.redis_driver import PRODUCT
from backend_embedded.errors import CacheUnavailable
from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker

log = logging.getLogger(__name__)

Connect = Callable[[str], Awaitable[ServerCache]]
CLOSE_S = 2.0
"""Longest wait for the connections of a server that is not used any more."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two looks."""

    present_s: float = 5.0
    absent_s: float = 2.0
    """While none is there; a look costs one refused connection for each address."""


class RedisServer:
    """One server at a time: the first of the addresses that answers; open it with `async with`.

    A call that fails loses the server at once; a look in the background brings it back. After five
    losses without a call that went well between them it is left alone for 30 seconds, and must then
    answer twice.

    Args:
        connect: makes the adapter of a server at an address; raises CacheUnavailable or ValueError.
        setting: the setting `cache` as it is now.
        settle: called with a server before it is used: what is known to be old there is forgotten.
        changed: told after each look or loss, whether it found something else than before or not.
        usual_urls: where to look when the setting is `auto`.
        pauses: how often to look.
        breaker: counts losses.
    """

    def __init__(
        self,
        connect: Connect,
        setting: Callable[[], str],
        settle: Callable[[ServerCache], Awaitable[None]],
        changed: Callable[[], None],
        usual_urls: tuple[str, ...] = USUAL_URLS,
        pauses: Pauses | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._connect = connect
        self._setting = setting
        self._settle = settle
        self._changed = changed
        self._usual_urls = usual_urls
        self._pauses = pauses or Pauses()
        self._breaker = breaker or CircuitBreaker()
        self._current: ServerCache | None = None
        self._url = ""
        self._facts: ServerFacts | None = None
        self._reason = ""
        self._refusals = ""
        self._was_in_use = False
        self._looked_with: str | None = None
        self._sought = asyncio.Event()
        self._look_now = asyncio.Event()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_looking(), name="look for Redis")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop("")
        await asyncio.gather(*self._closing, return_exceptions=True)

    # -- what is known, without asking ------------------------------------------------------------

    @property
    def current(self) -> ServerCache | None:
        """The server to use now; None: there is none."""
        return self._current

    @property
    def circuit(self) -> str:
        """State of its circuit breaker."""
        return self._breaker.state.value

    @property
    def facts(self) -> ServerFacts | None:
        """What it told of itself at the last look; None while there is none."""
        return self._facts if self._current is not None else None

    @property
    def reason(self) -> str:
        """Why there is none though one was named, or was in use before; else empty."""
        if self._current is not None or not self._sought.is_set():
            return ""
        named = self._setting().strip() not in (AUTO, EMBEDDED, "")
        if not (named or self._was_in_use):
            return ""
        return " ".join(filter(None, (self._reason, self._breaker.told)))

    @property
    def refusals(self) -> str:
        """Which servers were found, though none was named, and do not let us in, and what to do; else empty."""
        return "" if self._current is not None or self.reason else self._refusals

    @property
    def sought(self) -> asyncio.Event:
        """Set when the first look is over."""
        return self._sought

    # -- what became of a call --------------------------------------------------------------------

    def served(self) -> None:
        """A call went well."""
        call = self._breaker.admit()
        if call is not None:
            call.succeeded()

    def lose(self, server: ServerCache, error: CacheUnavailable) -> None:
        """A call failed: nobody asks this server again; look for it at once."""
        if server is not self._current:
            return
        self._drop(error.message)
        call = self._breaker.admit()
        if call is not None:
            call.failed()
        log.info("%s The program keeps its cache itself until it is back.", error.message)
        self._changed()
        self.look_soon()

    def look_soon(self) -> None:
        """Look now instead of after the pause."""
        self._look_now.set()

    # -- looking ----------------------------------------------------------------------------------

    async def look(self) -> None:
        """See whether the server is still there, or look for one."""
        async with self._looking:
            setting = self._setting()
            if setting != self._looked_with:
                self._forget_all()
                self._looked_with = setting
            if self._current is not None:
                await self._look_again(self._current)
            if self._current is None:
                await self._find(urls_of(setting, self._usual_urls))
            self._sought.set()
        self._changed()

    def _forget_all(self) -> None:
        """Another address was set: what was lost there is of no interest any more."""
        if self._current is not None:
            self._drop("")
        self._reason, self._refusals, self._was_in_use = "", "", False
        self._breaker.reset()

    async def _keep_looking(self) -> None:
        while True:
            self._look_now.clear()
            try:
                await self.look()
            except Exception:
                # Whatever it is, the program has its own cache, and looks again.
                log.warning("The look for %s failed", PRODUCT, exc_info=True)
            # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._look_now.wait()

    def _pause_s(self) -> float | None:
        if self._current is not None:
            return self._pauses.present_s
        if not urls_of(self._setting(), self._usual_urls):
            return None
        return max(self._pauses.absent_s, self._breaker.opens_again_in_s)

    async def _look_again(self, server: ServerCache) -> None:
        try:
            facts = await server.probe()
        except CacheUnavailable as error:
            self.lose(server, error)
        else:
            if server is self._current:
                self._facts = facts

    async def _find(self, urls: tuple[str, ...]) -> None:
        if not urls:
            self._reason = ""
            return
        failures = []
        for url in urls:
            failure = await self._try(url)
            if failure is None:
                return
            failures.append(failure)
        # Of several usual places the one where it was lost says more than the one where it never was.
        self._reason = next(
            (one.message for one, url in zip(failures, urls, strict=True) if url == self._url),
            failures[0].message,
        )
        self._refusals = " ".join(
            f"{one.message} {one.remedy}" for one in failures if one.details.get(REFUSED)
        )

    async def _try(self, url: str) -> CacheUnavailable | None:
        """Take this server if it works; else why it does not."""
        if not self._breaker.admits:
            return CacheUnavailable(self._reason or f"{PRODUCT} failed several times.")
        server = None
        try:
            server = await self._connect(url)
            facts = await self._trusted(server)
            await self._settle(server)
            # No other task ran since `settle` found that nothing was left to forget.
            self._current, self._facts, self._url, self._reason = server, facts, url, ""
            self._was_in_use = True
        except CacheUnavailable as error:
            return error
        except ValueError as error:
            return CacheUnavailable(f"The address cannot be used: {error}.")
        finally:
            if server is not None and server is not self._current:
                self._retire(server)
        return None

    async def _trusted(self, server: ServerCache) -> ServerFacts:
        """Ask who it is: once, or as often as a circuit that was open needs to close."""
        while True:
            trial = self._breaker.state is BreakerState.HALF_OPEN
            call = self._breaker.admit()
            try:
                facts = await server.probe()
            except CacheUnavailable:
                if call is not None and trial:
                    call.failed()
                raise
            if call is None or not trial:
                return facts  # an answer to a probe does not make up for calls that failed
            call.succeeded()

    def _drop(self, reason: str) -> None:
        if self._current is not None:
            self._retire(self._current)
        self._current, self._reason = None, reason

    def _retire(self, server: ServerCache) -> None:
        """Close a server's connections in the background: its last calls may take a moment to end."""
        closing = asyncio.create_task(_closed(server), name="close Redis")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _closed(server: ServerCache) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await server.aclose()
    except (CacheUnavailable, OSError, TimeoutError) as error:
        log.debug("The connections of %s were not closed in order: %r", PRODUCT, error)
