"""Failures of a Redis server as the errors of this program; an address is told without its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis.exceptions as driver

from backend_embedded.cache.port import REFUSED
from backend_embedded.errors import CacheError, CacheUnavailable

PRODUCT = "Redis"
REFUSED_VALUES = ("not an integer", "would overflow", "wrong kind of value")
"""In what Redis says when the value is at fault and not the server."""
LONGEST_TEXT = 200
START_IT = "Start it, or have the program keep its cache itself."
LOG_IN = "Give its address with user and password in Settings, Services."
MEND_IT = "Look at how it is set up, or have the program keep its cache itself."


def shown(url: str) -> str:
    """Host and port of an address, or the path of its socket; never the password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def is_refused(error: BaseException) -> bool:
    """Whether nobody listened at all: what was asked was surely not done."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@contextmanager
def as_ours(url: str, limit_s: float) -> Iterator[None]:
    """Raise the errors of the driver as CacheUnavailable, or as CacheError where the value is at fault."""
    where = shown(url)
    try:
        yield
    except (TimeoutError, driver.TimeoutError) as error:
        raise _gone(f"{PRODUCT} at {where} did not answer within {limit_s:g} s.") from error
    except driver.AuthenticationError as error:
        raise _refused(url) from error
    except (driver.ConnectionError, OSError) as error:
        why = "nobody listens there" if is_refused(error) else _said(error)
        raise _gone(f"{PRODUCT} at {where} cannot be reached ({why}).") from error
    except RuntimeError as error:
        # So uvloop refuses to write to a connection that was closed a moment ago.
        if "closed" not in str(error):
            raise
        raise _gone(f"{PRODUCT} at {where} closed the connection.") from error
    except driver.RedisError as error:
        said = _said(error)
        if isinstance(error, driver.ResponseError) and any(word in said for word in REFUSED_VALUES):
            raise CacheError(f"The cache cannot do that with this value: {said}.") from error
        if said.startswith("NOAUTH") or "Authentication required" in said:
            raise _refused(url) from error
        raise _gone(f"{PRODUCT} at {where} refused: {said}.", MEND_IT, **{REFUSED: True}) from error


def _gone(message: str, remedy: str = START_IT, **details: bool) -> CacheUnavailable:
    return CacheUnavailable(message, remedy=remedy, **details)


def _refused(url: str) -> CacheUnavailable:
    given = urlsplit(url).password
    why = "refused the user or the password" if given else "wants a password"
    return _gone(f"{PRODUCT} at {shown(url)} {why}.", LOG_IN, **{REFUSED: True})


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:LONGEST_TEXT].rstrip(".") or type(error).__name__
