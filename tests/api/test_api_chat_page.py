"""The chat page's presenter on a real server: branches, files, search, context, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from served_backend import AUTHORIZED, ScriptedModel, opened, served

from ui.chat.compare.compare_state import Way
from ui.chat.presenter import ChatPresenter
from ui.client.backend import BackendClient


async def holds(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the conditions are plain values, not events
            await asyncio.sleep(0.002)


@pytest_asyncio.fixture
async def presenter(tmp_path: Path) -> AsyncIterator[ChatPresenter]:
    model = ScriptedModel()
    async with opened(tmp_path, model) as services, served(services) as http:
        client = BackendClient(str(http.base_url), AUTHORIZED["Authorization"].split()[1])
        made = ChatPresenter(client, draft_delay_s=0, pause_s=0)
        made.connection_changed(True)
        await holds(lambda: made.state.loaded)
        yield made
        await made.close()
        await client.aclose()


def texts(presenter: ChatPresenter) -> list[str]:
    return [message.text for message in presenter.state.transcript.messages]


async def test_a_day_with_branches(presenter: ChatPresenter) -> None:
    await presenter.send("First question")
    assert texts(presenter) == ["First question", "Hello from the script."]
    await holds(lambda: presenter.state.context is not None)
    await presenter.send("Second question")
    presenter.branches.begin_edit(presenter.state.transcript.messages[0].id)
    await presenter.send("First question, otherwise")
    assert texts(presenter) == ["First question, otherwise", "Hello from the script."]
    root = presenter.state.transcript.messages[0]
    assert len(root.siblings) == 2
    await presenter.show_sibling(root.id, -1)
    assert texts(presenter)[::2] == ["First question", "Second question"]
    await presenter.branches.branch_from(presenter.state.transcript.messages[1].id)
    assert texts(presenter) == ["First question", "Hello from the script."]
    assert len(presenter.state.conversations) == 2


async def test_files_search_and_export(presenter: ChatPresenter) -> None:
    presenter.files.add_text("notes.txt", "the needle is here")
    presenter.files.add_text("picture.png", "\x89PNG\x00\x00")
    await holds(lambda: all(f.attachment or f.refused for f in presenter.state.files))
    assert presenter.state.files[1].refused
    await presenter.send("Where is the haystack?")
    assert [file.name for file in presenter.state.transcript.messages[0].attachments] == ["notes.txt"]
    presenter.new_chat()
    presenter.finding.look_everywhere("haystack")
    await holds(lambda: presenter.state.found.hits)
    await presenter.finding.show(presenter.state.found.hits[0])
    assert presenter.state.sought in [message.id for message in presenter.state.transcript.messages]
    await presenter.choosing.change(system="Be brief.")
    await presenter.choosing.save_preset("Brief")
    assert [preset.name for preset in presenter.state.presets] == ["Brief"]
    assert presenter.state.settings.system == "Be brief."


async def test_two_answers_at_once(presenter: ChatPresenter) -> None:
    await presenter.send("Warm up")
    name = presenter.state.transcript.messages[-1].stats.model
    await presenter.comparing.start("Which?", (Way(name, "One"), Way(name, "Two")))

    def both() -> bool:
        comparison = presenter.state.comparison
        return comparison is not None and all(c.answer and c.answer.stats for c in comparison.columns)

    await holds(both)
    await presenter.comparing.take(1)
    assert texts(presenter)[2:] == ["Which?", "Hello from the script."]
    assert len(presenter.state.transcript.messages[-1].siblings) == 2
