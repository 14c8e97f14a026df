"""How long a model's place keeps its runner."""

from __future__ import annotations

import asyncio

from backend_embedded.llm.llama_cpp.host import Host


async def test_only_the_last_end_that_was_set_comes() -> None:
    host, ends = Host(), []
    over = asyncio.Event()
    host.expire_in(0, lambda: ends.append("first"))
    host.expire_in(0, lambda: ends.append("second"))
    host.expire_in(0, over.set)
    await over.wait()
    assert ends == []


async def test_who_enters_takes_back_the_end_that_was_set() -> None:
    host, ends = Host(), []
    host.expire_in(0, lambda: ends.append("ended"))
    assert host.expires
    host.enter()
    assert not host.expires
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, later.set)
    await later.wait()
    assert ends == []
    assert not host.idle


async def test_a_place_where_drafts_are_read_is_idle() -> None:
    host = Host()
    host.enter()
    host.ahead += 1
    assert host.idle
    host.enter()
    assert not host.idle
