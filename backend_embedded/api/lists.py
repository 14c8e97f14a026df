"""Lists that many ask for: answers are kept encoded, and compressed, until what they tell changes."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypedDict
from weakref import WeakValueDictionary

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend_embedded.api.answers import metadata_of, only_fields
from backend_embedded.contract.envelope import PageInfo
from backend_embedded.storage.versions import Versions

KEPT = 200
LARGEST_KEPT_BYTES = 1_000_000
ALL_KEPT_BYTES = 32_000_000
"""Of all answers together, compressed and not."""
SMALLEST_ZIPPED_BYTES = 1_000
BEFORE, BETWEEN, AFTER = b'{"status":"success","data":', b',"metadata":', b"}"
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class Found(TypedDict):
    """A part of a list, in JSON's types; `total` counts the whole of it."""

    items: list[dict[str, Any]]
    total: int


@dataclass(slots=True)
class Encoded:
    """The part of an answer that is the same for everyone who asks.

    Attributes:
        entity: what it tells of.
        version: of what it tells.
        route: that gave it.
        body: from its first byte to where the metadata begins.
        zipped: the same, compressed, so that more can follow; made when it is first wanted.
    """

    entity: str
    version: object
    route: object
    body: bytes
    page: PageInfo
    zipped: bytes = b""
    checksum: int = field(default=0)


class KeptLists:
    """Answers by path and query; the one that was longest not asked for makes room.

    Args:
        versions: of the data; an answer of another version is made anew.
    """

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._kept: OrderedDict[bytes, Encoded] = OrderedDict()
        self._making: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def find(self, scope: Scope) -> Response | None:
        """The answer to the same question as before, unless what it tells has changed."""
        key = _key(scope)
        there = self._kept.get(key)
        if there is None or there.version != self._versions.of(there.entity):
            return None
        self._kept.move_to_end(key)
        scope["route"] = there.route
        return _answer(Request(scope), there)

    async def make(
        self,
        request: Request,
        entity: str,
        page: PageInfo,
        read: Callable[[], Awaitable[Found]],
    ) -> Response:
        """The answer with what `read` gives; it is kept."""
        key = _key(request.scope)
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:  # of many who ask at once, one reads
            return self.find(request.scope) or await self._made(request, key, entity, page, read)

    async def _made(
        self,
        request: Request,
        key: bytes,
        entity: str,
        page: PageInfo,
        read: Callable[[], Awaitable[Found]],
    ) -> Response:
        # Taken before the reading: a change meanwhile makes the answer an old one at once.
        version = self._versions.of(entity)
        found = await read()
        page = page.model_copy(update={"total": found["total"]})
        body = b"".join((BEFORE, orjson.dumps(only_fields(request, found["items"])), BETWEEN))
        there = Encoded(entity, version, request.scope.get("route"), body, page)
        if len(body) <= LARGEST_KEPT_BYTES:
            self._keep(key, there)
        return _answer(request, there)

    def _keep(self, key: bytes, there: Encoded) -> None:
        """Keep an answer; those that were longest not asked for go until all have room."""
        self._kept.pop(key, None)
        self._kept[key] = there
        held = sum(map(_size_bytes, self._kept.values()))
        while len(self._kept) > KEPT or held > ALL_KEPT_BYTES:
            _, gone = self._kept.popitem(last=False)
            held -= _size_bytes(gone)


class KeptListsMiddleware:
    """Gives a kept answer without looking for its route and reading the query anew."""

    def __init__(self, app: ASGIApp, kept: KeptLists) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        if scope["type"] == "http" and scope["method"] == "GET":
            there = self._kept.find(scope)
            if there is not None:
                await there(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _size_bytes(there: Encoded) -> int:
    return len(there.body) + len(there.zipped)


def _key(scope: Scope) -> bytes:
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    return path.encode() + b"?" + query


def _answer(request: Request, there: Encoded) -> Response:
    rest = orjson.dumps(metadata_of(request, there.page)) + AFTER
    if len(there.body) < SMALLEST_ZIPPED_BYTES or "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(there.body + rest, media_type="application/json")
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(_zipped(there, rest), headers=headers, media_type="application/json")


def _zipped(there: Encoded, rest: bytes) -> bytes:
    """One gzip member of the kept part, compressed once, and the rest."""
    if not there.zipped:
        packing = zlib.compressobj(5, zlib.DEFLATED, -zlib.MAX_WBITS)
        # A full flush ends on a whole byte and refers to nothing before it: other data may follow.
        there.zipped = packing.compress(there.body) + packing.flush(zlib.Z_FULL_FLUSH)
        there.checksum = zlib.crc32(there.body)
    packing = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    end = packing.compress(rest) + packing.flush()
    checksum = zlib.crc32(rest, there.checksum)
    length = len(there.body) + len(rest)
    trailer = checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join((GZIP_HEADER, there.zipped, end, trailer))
