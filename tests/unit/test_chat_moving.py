"""Exports and imports: counts, what was left out, progress, and giving up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.transfer import ExportFormat, ImportFormat, ImportReport
from ui.chat.presenter import ChatPresenter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ui.chat.chats.moving import Moving
    from ui.chat.chats.moving_state import Outcome


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the conditions are plain values, not events
            await asyncio.sleep(0.001)


class Desk:
    """A presenter on a scripted backend, and what it told."""

    def __init__(self) -> None:
        self.backend = ScriptedBackend()
        self.presenter = ChatPresenter(self.backend, draft_delay_s=0, pause_s=0)
        self.told: list[Outcome] = []
        self.presenter.moving.told = self.told.append

    @property
    def moving(self) -> Moving:
        return self.presenter.moving


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.presenter.close()


async def test_an_export_tells_its_counts_and_what_it_leaves_out(desk: Desk, tmp_path: Path) -> None:
    desk.moving.export(None, ExportFormat.MARKDOWN, str(tmp_path / "all.md"))
    await until(lambda: desk.told)
    assert (tmp_path / "all.md").read_bytes() == desk.backend.files_out
    assert desk.told[0].title == "3 chats exported"
    assert desk.told[0].path == str(tmp_path / "all.md")
    assert "other branches" in desk.told[0].text
    desk.moving.export(desk.backend.new_id(), ExportFormat.JSON, str(tmp_path / "one.json"))
    await until(lambda: len(desk.told) == 2)
    assert (desk.told[1].title, "Left out" in desk.told[1].text) == ("1 chat exported", False)


async def test_an_import_tells_what_came_what_was_here_and_what_was_left_out(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "chats.json"
    file.write_bytes(b"x")
    desk.backend.imported = ImportReport(
        format=ImportFormat.CHATGPT,
        conversations=(desk.backend.new_id(), desk.backend.new_id()),
        messages=1284,
        unchanged=1,
        skipped=("images", "tool calls"),
    )
    desk.moving.bring_in(str(file))
    await until(lambda: desk.told)
    assert desk.backend.files_in == [b"x"]
    (told,) = desk.told
    assert (told.title, told.complete, told.path) == ("2 chats imported", False, "")
    for words in ("1,284 messages from chats.json", "1 chat was here already", "images, tool calls"):
        assert words in told.text


async def test_a_long_one_shows_how_far_it_is_and_can_be_given_up(desk: Desk, tmp_path: Path) -> None:
    desk.backend.moving_gate = asyncio.Event()
    file = tmp_path / "all.json"
    desk.moving.export(None, ExportFormat.JSON, str(file))
    await until(lambda: desk.presenter.state.moving)
    move = desk.presenter.state.moving
    assert move is not None
    assert (move.title, move.caption) == ("Exporting all chats", "3 chats, 1 kB so far")
    desk.moving.bring_in(str(file))
    assert desk.presenter.state.failure is not None
    assert "Exporting all chats is still under way" in desk.presenter.state.failure.message
    desk.moving.cancel()
    await until(lambda: desk.presenter.state.moving is None)
    assert (file.exists(), desk.told) == (False, [])
    desk.backend.moving_gate = None
    desk.moving.export(None, ExportFormat.JSON, str(file))
    await until(lambda: desk.told)


async def test_a_short_one_shows_no_progress(desk: Desk, tmp_path: Path) -> None:
    seen: list[object] = []

    class Watcher:
        def state_changed(self, state: object) -> None:
            seen.append(desk.presenter.state.moving)

        def text_arrived(self, *_: object) -> None: ...

        def answer_finished(self, *_: object) -> None: ...

    desk.presenter.listen(Watcher())
    desk.moving.export(None, ExportFormat.JSON, str(tmp_path / "all.json"))
    await until(lambda: desk.told)
    assert [one for one in seen if one is not None] == []


async def test_a_file_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.moving.export(None, ExportFormat.JSON, str(tmp_path / "nowhere" / "all.json"))
    await until(lambda: desk.presenter.state.failure)
    assert desk.presenter.state.failure is not None
    assert "No such file" in desk.presenter.state.failure.message
    desk.moving.bring_in(str(tmp_path / "none.json"))
    await until(lambda: "none.json" in desk.presenter.state.failure.message)
    assert desk.told == []
