"""Lists that are kept encoded: as many as have room, the one longest not asked for goes first."""

from __future__ import annotations

from starlette.requests import Request

from backend_embedded.api import lists
from backend_embedded.api.lists import Found, KeptLists
from backend_embedded.contract.envelope import PageInfo
from backend_embedded.storage.versions import Versions


def asked(query: str) -> Request:
    return Request(
        {
            "type": "http", "method": "GET", "path": "/api/v1/tasks", "query_string": query.encode(),
            "headers": [(b"accept-encoding", b"identity")],
        }
    )  # fmt: skip


async def large() -> Found:
    return {"items": [{"text": "x" * (lists.LARGEST_KEPT_BYTES - 1_000)}], "total": 1}


async def small() -> Found:
    return {"items": [{"text": "x"}], "total": 1}


async def made(kept: KeptLists, query: str, read: object = small) -> None:
    await kept.make(asked(query), "tasks", PageInfo(total=0, limit=1, offset=0), read)  # type: ignore[arg-type]


async def test_all_that_is_kept_has_its_room() -> None:
    kept = KeptLists(Versions())
    room = lists.ALL_KEPT_BYTES // lists.LARGEST_KEPT_BYTES
    for number in range(room):
        await made(kept, f"offset={number}", large)
    assert kept.find(asked("offset=0").scope) is not None, "asked for again: the next one goes first"
    await made(kept, "offset=new", large)
    there = [kept.find(asked(f"offset={number}").scope) is not None for number in (0, 1, 2, "new")]
    assert there == [True, False, True, True]


async def test_so_many_are_kept() -> None:
    kept = KeptLists(Versions())
    for number in range(lists.KEPT + 1):
        await made(kept, f"offset={number}")
    assert kept.find(asked("offset=0").scope) is None
    assert kept.find(asked("offset=1").scope) is not None


async def test_an_answer_of_an_older_version_is_not_given() -> None:
    versions = Versions()
    kept = KeptLists(versions)
    await made(kept, "offset=0")
    versions.bump("tasks")
    assert kept.find(asked("offset=0").scope) is None
