"""Export and import of conversations: nothing is lost, and files of other programs are understood."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.conversations import (
    ConversationCreate,
    ConversationPatch,
    ConversationSettings,
    MessageStatus,
)
from backend_embedded.contract.generation import Role, SamplingOptions
from backend_embedded.contract.transfer import ExportFormat, ImportFormat
from backend_embedded.errors import InvalidInput
from backend_embedded.storage.embedded import SqliteConversationStore
from backend_embedded.transfer.service import Transfer, as_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
STEPS = st.lists(
    st.tuples(st.sampled_from(["new", "ask", "root", "again", "cut"]), st.integers(0, 50), TEXTS), max_size=8
)


async def grown(store: SqliteConversationStore, steps: list[tuple[str, int, str]]) -> None:
    """Conversations made by these steps."""
    chats = [(await store.create(ConversationCreate(title="first"))).id]
    for kind, choice, text in steps:
        chat = chats[choice % len(chats)]
        if kind == "new":
            chats.append((await store.create(ConversationCreate(title=text, folder=text))).id)
            patch = ConversationPatch(
                pinned=True,
                tags=(text,),
                draft=text,
                settings=ConversationSettings(system=text, options=SamplingOptions(seed=choice)),
            )
            await store.change(chats[-1], patch)
            continue
        messages = (await store.whole(chat)).messages
        questions = [one for one in messages if one.role is Role.USER]
        if kind == "again" and questions:
            turn = await store.answer_again(questions[choice % len(questions)].id)
        else:
            turn = await store.ask(text, title=text, conversation_id=chat, as_root=kind == "root")
        await store.append(turn.answer.id, text)
        cut = MessageStatus.STOPPED if kind == "cut" else MessageStatus.COMPLETE
        await store.finish(turn.answer.id, cut)


@given(STEPS)
@settings(max_examples=15, deadline=None)
def test_export_import_export_gives_the_same_bytes(steps: list[tuple[str, int, str]]) -> None:
    async def there_and_back() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with (
                SqliteConversationStore(Path(folder) / "a.db", lambda _: None) as here,
                SqliteConversationStore(Path(folder) / "b.db", lambda _: None) as there,
            ):
                await grown(here, steps)
                out = await Transfer(here).export(None, ExportFormat.JSON)
                report, added = await Transfer(there).bring_in(out)
                assert report.format is ImportFormat.SUTAZAI
                assert len(added) == len(report.conversations) == len(await here.ids())
                assert await Transfer(there).export(None, ExportFormat.JSON) == out
                again, _ = await Transfer(there).bring_in(out)
                assert (again.conversations, again.unchanged) == ((), len(added))

    asyncio.run(there_and_back())


CHATGPT: list[dict[str, Any]] = [
    {
        "title": "Cats",
        "id": "c1",
        "create_time": 1700000000.5,
        "update_time": 1700000100,
        "current_node": "a2",
        "mapping": {
            "root": {"id": "root", "parent": None, "message": None},
            "sys": {
                "id": "sys",
                "parent": "root",
                "message": {"author": {"role": "system"}, "content": {"content_type": "text", "parts": [""]}},
            },
            "q": {
                "id": "q",
                "parent": "sys",
                "message": {
                    "author": {"role": "user"},
                    "create_time": 1700000001,
                    "content": {"content_type": "multimodal_text", "parts": [{"asset": 1}, "Name a cat"]},
                },
            },
            "a1": {
                "id": "a1",
                "parent": "q",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "text", "parts": ["Tom"]},
                    "metadata": {"model_slug": "gpt-4"},
                },
            },
            "a2": {
                "id": "a2",
                "parent": "q",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "text", "parts": ["Felix"]},
                },
            },
        },
    }
]
OPEN_WEBUI: list[dict[str, Any]] = [
    {
        "id": "w1",
        "title": "Dogs",
        "created_at": 1700000000,
        "updated_at": 1700000009,
        "chat": {
            "history": {
                "currentId": "2",
                "messages": {
                    "2": {"id": "2", "parentId": "1", "role": "assistant", "content": "Rex", "model": "m"},
                    "1": {"id": "1", "parentId": None, "role": "user", "content": "Name a dog"},
                },
            }
        },
    }
]


async def brought(tmp_path: Path, data: bytes) -> tuple[Any, list[list[str]], Any]:
    """The report, the shown branches and the store's first conversation after an import, twice."""
    async with SqliteConversationStore(tmp_path / "a.db", lambda _: None) as store:
        report, added = await Transfer(store).bring_in(data)
        branches = [[one.text for one in (await store.branch(chat.id)).messages] for chat in added]
        again, _ = await Transfer(store).bring_in(data)
        assert again.conversations == ()
        return report, branches, await store.whole(added[0].id)


async def test_chatgpt_with_its_branches(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("export/conversations.json", json.dumps(CHATGPT))
    for place, data in enumerate((json.dumps(CHATGPT).encode(), archive.getvalue())):
        folder = tmp_path / str(place)
        folder.mkdir()
        report, branches, whole = await brought(folder, data)
        assert report.format is ImportFormat.CHATGPT
        assert branches == [["Name a cat", "Felix"]]
        assert {one.text for one in whole.messages} == {"Name a cat", "Tom", "Felix"}
        assert report.skipped == ("images and files",)
        assert whole.conversation.title == "Cats"
        assert whole.conversation.created_at.year == 2023


async def test_open_webui(tmp_path: Path) -> None:
    report, branches, whole = await brought(tmp_path, json.dumps(OPEN_WEBUI).encode())
    assert (report.format, report.messages) == (ImportFormat.OPEN_WEBUI, 2)
    assert branches == [["Name a dog", "Rex"]]
    assert whole.messages[1].stats.model == "m"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no json",
        b"[]",
        b'{"format": "sutazai-conversations", "version": 1, "conversations": [{"messages": 3}]}',
        b'[{"mapping": {"a": 5}}]',
        b'[{"chat": {"history": {"messages": {"1": 3}}}}]',
        b"PK\x03\x04 no archive",
    ],
)
async def test_a_file_that_cannot_be_read_stores_nothing(tmp_path: Path, data: bytes) -> None:
    async with SqliteConversationStore(tmp_path / "a.db", lambda _: None) as store:
        with pytest.raises(InvalidInput) as caught:
            await Transfer(store).bring_in(data)
        assert caught.value.remedy is not None
        assert await store.ids() == ()


async def test_names_that_are_too_long_are_cut_so_that_each_database_takes_them(tmp_path: Path) -> None:
    async with SqliteConversationStore(tmp_path / "a.db", lambda _: None) as store:
        turn = await store.ask("Why?", title="T")
        await store.finish(turn.answer.id, MessageStatus.COMPLETE)
        whole = await store.whole(turn.conversation.id)
        await store.remove(turn.conversation.id)
        attached = Attachment(
            id=uuid4(), name="n" * 300, media_type="m" * 300, size_bytes=1, characters=1, tokens=1
        )
        long = whole.model_copy(
            update={
                "conversation": whole.conversation.model_copy(
                    update={"title": "t" * 300, "folder": "f" * 300}
                ),
                "files": (AttachmentText(attachment=attached, text="x"),),
            }
        )
        for unchanged in (0, 1):
            report, _ = await Transfer(store).bring_in(as_json([long]))
            assert report.unchanged == unchanged
        there = await store.whole(turn.conversation.id)
        assert (there.conversation.title, there.conversation.folder) == ("t" * 200, "f" * 200)
        assert (there.files[0].attachment.name, there.files[0].attachment.media_type) == (
            "n" * 255,
            "m" * 100,
        )


async def test_markdown_shows_the_branch_for_people(tmp_path: Path) -> None:
    async with SqliteConversationStore(tmp_path / "a.db", lambda _: None) as store:
        turn = await store.ask("Why?", title="A title")
        await store.append(turn.answer.id, "**Because.**")
        await store.finish(turn.answer.id, MessageStatus.COMPLETE)
        text = (await Transfer(store).export([turn.conversation.id], ExportFormat.MARKDOWN)).decode()
    assert text.startswith("# A title\n")
    assert "## You\n\nWhy?\n" in text
    assert "## Assistant\n\n**Because.**\n" in text
