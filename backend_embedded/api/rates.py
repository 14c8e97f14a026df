"""How often other programs may ask at the doors: so many requests a minute by API key and route."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backend_embedded.api.doors.paths import door_of
from backend_embedded.cache.keys import rate_key
from backend_embedded.cache.port import Rates
from backend_embedded.errors import RateLimited
from backend_embedded.metrics.cache import CacheMetrics

WINDOW_S = 60
NO_KEY = "open"
"""Stands for the key where none is asked for: all programs share the limit then, whatever they send as one."""


class RateLimitMiddleware:
    """Counts requests to the doors that were let in, in a window that ends now.

    Args:
        rates: keeps the counts.
        limit: requests a minute as set now; 0: no limit.
        routes: those of the doors, each counted by itself; a path that none of them matches has no limit.
        metrics: told of what is refused.
        is_key: whether what a request gives as its key is one.
    """

    def __init__(
        self,
        app: ASGIApp,
        rates: Rates,
        limit: Callable[[], int],
        routes: Iterable[BaseRoute],
        metrics: CacheMetrics,
        is_key: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._rates = rates
        self._limit = limit
        self._routes = tuple(route for route in routes if isinstance(route, Route))
        self._metrics = metrics
        self._is_key = is_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or raise RateLimited."""
        limit = self._limit()
        if limit and scope["type"] == "http" and door_of(scope["path"]) is not None:
            await self._count(scope, limit)
        await self._app(scope, receive, send)

    async def _count(self, scope: Scope, limit: int) -> None:
        endpoint = next((route.path for route in self._routes if route.matches(scope)[0] is Match.FULL), None)
        if endpoint is None:
            return
        given = Headers(scope=scope).get("authorization", "").partition(" ")[2].strip()
        caller = given if self._is_key(given) else NO_KEY
        verdict = await self._rates.hit_sliding(rate_key(caller, endpoint), limit, WINDOW_S)
        if not verdict.allowed:
            self._metrics.limited(endpoint)
            wait_s = max(1, math.ceil(verdict.retry_after_s))
            raise RateLimited(
                f"More than {limit} requests a minute at {endpoint}.",
                remedy=f"Try again in {wait_s} s.",
                retry_after_s=wait_s,
                limit=limit,
            )
