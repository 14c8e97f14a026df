"""Presets, attached files, branches, lists, export and import over HTTP, by the window's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from served_backend import TOKEN, ScriptedModel, opened, served

from backend_embedded.contract.conversations import (
    BranchRequest,
    ChatFinished,
    ChatRequest,
    ConversationPatch,
)
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.presets import PresetValues
from backend_embedded.contract.transfer import ExportFormat
from backend_embedded.services import Services
from backend_embedded.transfer.markdown import as_markdown
from backend_embedded.transfer.service import Transfer, as_json
from ui.client.backend import BackendClient
from ui.client.port import ClientError


@pytest_asyncio.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with opened(tmp_path, ScriptedModel()) as these:
        yield these


@pytest_asyncio.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with served(services) as this:
        yield this


@pytest_asyncio.fixture
async def client(http: httpx.AsyncClient) -> AsyncIterator[BackendClient]:
    made = BackendClient(str(http.base_url), TOKEN)
    yield made
    await made.aclose()


async def asked(client: BackendClient, request: ChatRequest) -> ChatFinished:
    last = [event async for event in client.chat(request)][-1]
    assert isinstance(last, ChatFinished)
    return last


async def test_presets(client: BackendClient) -> None:
    made = await client.save_preset(PresetValues(name="Poet", system="Rhyme."))
    with pytest.raises(ClientError) as caught:
        await client.save_preset(PresetValues(name="Poet"))
    assert caught.value.code is ErrorCode.CONFLICT
    file = await client.export_presets()
    await client.delete_preset(made.id)
    assert await client.presets() == []
    (again,) = await client.import_presets(file)
    assert (again.name, again.system) == ("Poet", "Rhyme.")
    changed = await client.save_preset(PresetValues(name="Bard"), again.id)
    assert await client.presets() == [changed]


async def test_a_file_is_read_counted_sent_and_shown(client: BackendClient) -> None:
    file = await client.upload("../deep/näme.md", b"# Title\n\nSome text.")
    assert (file.name, file.media_type, file.characters) == ("näme.md", "text/markdown", 19)
    assert file.tokens > 0
    assert (await client.attachment_text(file.id)).text == "# Title\n\nSome text."
    done = await asked(client, ChatRequest(content="What is it?", attachments=(file.id,)))
    page = await client.messages(done.answer.conversation_id)
    assert page.messages[0].attachments == (file,)
    with pytest.raises(ClientError) as caught:
        await client.upload("photo.png", b"\x89PNG\r\n\x1a\n")
    assert "image" in caught.value.body.message


async def test_a_branch_lists_and_search(client: BackendClient) -> None:
    done = await asked(client, ChatRequest(content="needle one"))
    chat = done.answer.conversation_id
    made = await client.branch_conversation(chat, BranchRequest(message_id=done.answer.id, title="Branch"))
    assert (made.title, (await client.messages(made.id)).total) == ("Branch", 2)
    await client.patch_conversation(chat, ConversationPatch(pinned=True, folder="work", tags=("red",)))
    await client.patch_conversation(made.id, ConversationPatch(archived=True))
    assert [one.id for one in await client.conversations()] == [chat]
    assert [one.id for one in await client.conversations(archived=True)] == [made.id]
    assert [one.id for one in await client.conversations(folder="work", tag="red")] == [chat]
    assert await client.conversations(tag="blue") == []
    assert {hit.conversation_id for hit in await client.search("needle")} == {chat, made.id}
    assert {hit.conversation_id for hit in await client.search("needle", made.id)} == {made.id}


async def test_export_and_import(client: BackendClient) -> None:
    done = await asked(client, ChatRequest(content="one"))
    chat = done.answer.conversation_id
    out = await client.export_all(ExportFormat.JSON)
    assert await client.export_conversation(chat, ExportFormat.JSON) == out
    assert b"## You" in await client.export_conversation(chat, ExportFormat.MARKDOWN)
    assert (await client.import_conversations(out)).unchanged == 1
    await client.delete_conversation(chat, purge=True)
    report = await client.import_conversations(out)
    assert (report.conversations, report.messages) == ((chat,), 2)
    assert await client.export_all(ExportFormat.JSON) == out
    told: list[tuple[int, int]] = []
    assert await client.export_all(ExportFormat.JSON, lambda *came: told.append(came)) == out
    assert told[-1] == (1, len(out))
    with pytest.raises(ClientError) as caught:
        await client.import_conversations(b"{}")
    assert caught.value.code is ErrorCode.INVALID_INPUT


async def test_an_export_of_many_is_the_same_file_in_pieces(
    client: BackendClient, services: Services
) -> None:
    for text in ("one", "two", "three"):
        await asked(client, ChatRequest(content=text))
    ids = await services.store.ids()
    found = [await services.store.whole(one) for one in ids]
    assert await client.export_all(ExportFormat.JSON) == as_json(found)
    assert await client.export_all(ExportFormat.MARKDOWN) == as_markdown(found).encode()


async def test_an_export_of_nothing_can_be_imported(client: BackendClient) -> None:
    nothing = await client.export_all(ExportFormat.JSON)
    assert nothing == as_json([])
    assert (await client.import_conversations(nothing)).conversations == ()
    assert await client.export_all(ExportFormat.MARKDOWN) == b""


async def test_an_import_that_the_client_gives_up_is_stopped(
    client: BackendClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await asked(client, ChatRequest(content="one"))
    out = await client.export_all(ExportFormat.JSON)
    await client.delete_conversation(done.answer.conversation_id, purge=True)
    begun, over = asyncio.Event(), asyncio.Event()

    async def long_work(transfer: Transfer, data: bytes) -> object:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    monkeypatch.setattr(Transfer, "bring_in", long_work)
    importing = asyncio.create_task(client.import_conversations(out))
    await begun.wait()
    importing.cancel()
    async with asyncio.timeout(10):
        await over.wait()
    assert importing.cancelled() or importing.cancelling()
