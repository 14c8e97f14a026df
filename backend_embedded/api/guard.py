"""Keeps out who has no token, and web pages that reach for the loopback address."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend_embedded.api.doors.access import LocalApiAccess
from backend_embedded.api.doors.paths import door_of
from backend_embedded.errors import Forbidden, Unauthorized

OPEN_PATHS = frozenset({"/health"})
OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")


class GuardMiddleware:
    """Checks Host and Origin on every route, and the bearer token on all but the open ones.

    The doors for other programs have their own rule and key, which open nothing else.

    A name that was made to point at this machine (DNS rebinding) comes with its own Host; a page of
    another origin comes with its Origin.
    """

    def __init__(self, app: ASGIApp, token: str, doors: LocalApiAccess) -> None:
        self._app = app
        self._doors = doors
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or raise."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            _check_names(headers, (scope.get("server") or ("", None))[1])
            if door_of(scope["path"]) is not None:
                self._doors.check(scope["path"], headers)
            elif scope["path"] not in OPEN_PATHS:
                self._check_token(headers)
        await self._app(scope, receive, send)

    def _check_token(self, headers: Headers) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Unauthorized(
                "The request has no valid token.",
                remedy="Send the token of run/token as Authorization: Bearer.",
            )


def _check_names(headers: Headers, port: int | None) -> None:
    own = {f"{name}:{port}" for name in OWN_NAMES}
    if port == 80:
        own.update(OWN_NAMES)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or hosts[0].lower() not in own:
        raise Forbidden("The Host of the request is not this machine's loopback address.")
    origin = headers.get("origin")
    if origin is not None and origin.lower().removeprefix("http://") not in own:
        raise Forbidden("A page of another origin may not use this service.")
