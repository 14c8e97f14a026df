from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import library_content as library
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from scripted_backend import ScriptedBackend
from window_stage import button, shows

from backend_embedded.contract.events import DownloadChanged, ModelsChanged
from backend_embedded.contract.library import DownloadState
from backend_embedded.contract.ollama import OllamaState, OllamaStatus
from ui.models.actions import model_actions, models_actions
from ui.models.model_rows import CONTEXT, MODEL, SPOKEN
from ui.models.page import ModelsPage
from ui.models.presenter import ModelsPresenter
from ui.theme import ThemeSource, apply_theme, load_tokens

WIDTH = 1104


class ShownLibrary:
    """A page that is shown, on a scripted library."""

    def __init__(self, qtbot: QtBot, application: QApplication) -> None:
        self.qtbot = qtbot
        self.backend = ScriptedBackend()
        self.backend.known = library.MODELS
        self.backend.entries = library.CATALOGUE
        self.backend.told = {library.TINY.name: library.DETAILS}
        self.themes = ThemeSource(load_tokens(), "light")
        apply_theme(application, self.themes.theme)
        self.presenter = ModelsPresenter(self.backend)
        self.page = ModelsPage(self.presenter, self.themes)
        qtbot.addWidget(self.page)
        self.page.resize(WIDTH, 774)

    @property
    def table(self) -> QWidget:
        return self.page.machine.table

    def asked(self, call: str) -> list[object]:
        return [argument for name, argument in self.backend.asked if name == call]

    def key(self, key: Qt.Key, widget: QWidget | None = None) -> None:
        self.qtbot.keyClick(widget or self.table, key)

    def row(self, name: str) -> None:
        """Bring the keyboard to a model's row."""
        table = self.page.machine.table
        table.setCurrentIndex(table.rows.index(table.rows.row_of(name), 0))

    async def until(self, reached: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not reached():
                QApplication.processEvents()
                await asyncio.sleep(0)


@pytest.fixture
async def shown(qtbot: QtBot, qapp: QApplication) -> AsyncIterator[ShownLibrary]:
    made = ShownLibrary(qtbot, qapp)
    made.page.show()
    made.presenter.event_arrived(made.backend.snapshot())
    yield made
    await made.presenter.close()
    made.page.close()


async def test_a_row_says_all_of_its_model(shown: ShownLibrary) -> None:
    rows = shown.page.machine.table.rows
    said = rows.index(rows.row_of(library.TINY.name), MODEL).data(SPOKEN)
    assert said == "TinyLlama 1.1B Chat, Loaded, Default, Pinned, Q4_0, Apache-2.0, Models folder, 638 MB"
    assert rows.index(0, CONTEXT).data(SPOKEN) == "Context 2,048"
    assert shown.page.figures.text() == "6 models, 15.4 GB"


async def test_enter_opens_the_details_and_escape_closes_them(shown: ShownLibrary) -> None:
    panel = shown.page.machine.panel
    shown.row(library.TINY.name)
    assert panel.isHidden()
    shown.key(Qt.Key.Key_Return)
    await shown.until(lambda: shown.presenter.state.details)
    assert panel.isVisible()
    assert panel.values["Licence"].text() == "Apache-2.0"
    assert panel.template.text.toPlainText() == library.DETAILS.template
    shown.key(Qt.Key.Key_Down)
    await shown.until(lambda: shown.presenter.state.selected != library.TINY.name)
    shown.key(Qt.Key.Key_Escape, shown.page)
    await shown.until(panel.isHidden)


async def test_space_loads_and_unloads(shown: ShownLibrary) -> None:
    shown.row(library.STORED.name)
    shown.key(Qt.Key.Key_Space)
    await shown.until(lambda: shown.asked("load_model") == [library.STORED.name])
    await shown.until(lambda: not shown.presenter.state.busy)
    shown.row(library.TINY.name)
    shown.key(Qt.Key.Key_Space)
    await shown.until(lambda: shown.asked("unload_model") == [library.TINY.name])


async def test_a_model_that_cannot_be_used_is_not_loaded(shown: ShownLibrary) -> None:
    shown.row(library.content.BROKEN.name)
    shown.key(Qt.Key.Key_Space)
    shown.key(Qt.Key.Key_Return)
    await shown.until(lambda: shown.presenter.state.details)
    panel = shown.page.machine.panel
    assert shown.asked("load_model") == []
    assert not panel.load.isEnabled()
    assert "The file ends early" in panel.problem.text()
    assert panel.remove.isEnabled()


async def test_removing_asks_in_the_window_and_keeps_at_escape(shown: ShownLibrary) -> None:
    panel = shown.page.machine.panel
    shown.row(library.TINY.name)
    shown.key(Qt.Key.Key_Delete)
    await shown.until(panel.confirm.isVisible)
    assert "This frees 638 MB on the disk." in panel.confirm.line.text()
    assert panel.confirm.keep.hasFocus()
    shown.key(Qt.Key.Key_Escape, panel.confirm.keep)
    assert panel.confirm.isHidden()
    panel.remove.click()
    panel.confirm.yes.click()
    await shown.until(lambda: shown.asked("remove_model") == [library.TINY.name])
    await shown.until(panel.isHidden)


async def test_the_starter_model_stays(shown: ShownLibrary) -> None:
    shown.row(library.SMOL.name)
    shown.key(Qt.Key.Key_Return)
    panel = shown.page.machine.panel
    await shown.until(panel.isVisible)
    assert not panel.remove.isEnabled()
    assert panel.why_not.text() == "It came with the program and stays."


async def test_pin_and_default_from_the_details(shown: ShownLibrary) -> None:
    shown.page.machine.open(library.STORED.name)
    panel = shown.page.machine.panel
    await shown.until(panel.isVisible)
    panel.pin.click()
    await shown.until(lambda: panel.pin.text() == "Unpin" and panel.default.isEnabled())
    panel.default.click()
    await shown.until(lambda: panel.default.text() == "Is the default")


async def test_the_menu_of_a_row_has_the_same_actions(shown: ShownLibrary) -> None:
    shown.page.machine.open_menu(library.TINY.name, QPoint(10, 10))
    menu = shown.page.machine.menu
    assert [action.text() for action in menu.actions()] == [
        "Show details",
        "Unload",
        "Unpin",
        "Make default",
        "Remove…",
    ]
    menu.close()


async def test_the_search_narrows_both_lists(shown: ShownLibrary) -> None:
    shown.page.search.setText("zephyr")
    assert shows(shown.page.machine, "No model matches “zephyr”")
    found = button(shown.page.machine, "Clear search")
    assert found is not None
    found.click()
    assert shown.page.search.text() == ""
    assert shown.page.machine.stack.currentWidget() is shown.table


async def test_no_models_leads_to_the_catalogue(shown: ShownLibrary) -> None:
    shown.presenter.event_arrived(ModelsChanged(models=()))
    get = button(shown.page.machine, "Get models")
    assert get is not None
    get.click()
    await shown.until(lambda: shows(shown.page.get.catalogue, "Gemma 2 2B"))


def drop_of(page: ModelsPage, *paths: str) -> tuple[QDragEnterEvent, QDropEvent, QMimeData]:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(path) for path in paths])
    actions, buttons, keys = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(20, 20), actions, mime, buttons, keys)
    return enter, QDropEvent(QPointF(20, 20), actions, mime, buttons, keys), mime


async def test_files_are_imported_where_they_are_dropped(shown: ShownLibrary) -> None:
    enter, drop, _kept = drop_of(shown.page, "/home/mira/a.gguf", "/home/mira/b.txt")
    shown.page.dragEnterEvent(enter)
    assert enter.isAccepted()
    assert shown.page.drop_mark.isVisible()
    shown.page.dropEvent(drop)
    assert shown.page.drop_mark.isHidden()
    await shown.until(lambda: shows(shown.page.machine, "b.txt was not imported"))
    assert [getattr(request, "path", "") for request in shown.asked("import_model")] == ["/home/mira/a.gguf"]
    assert shows(shown.page.machine.imports, "a")


async def test_nothing_is_dropped_while_the_backend_is_lost(shown: ShownLibrary) -> None:
    shown.presenter.connection_changed(False)
    enter, _drop, _kept = drop_of(shown.page, "/home/mira/a.gguf")
    enter.ignore()
    shown.page.dragEnterEvent(enter)
    assert not enter.isAccepted()
    assert not shown.page.import_button.isEnabled()


async def test_files_are_chosen_in_a_dialog_that_does_not_block(shown: ShownLibrary) -> None:
    shown.page.import_button.click()
    dialog = shown.page.dialog
    assert dialog is not None
    shown.page.open_import()
    assert shown.page.dialog is dialog
    dialog.filesSelected.emit(["/home/mira/a.gguf"])
    dialog.reject()
    assert shown.page.dialog is None
    await shown.until(lambda: shown.presenter.state.imports)


async def test_a_row_of_the_catalogue_downloads_and_shows_how_far_it_is(shown: ShownLibrary) -> None:
    shown.page.show_get()
    rows = shown.page.get.catalogue.rows
    await shown.until(lambda: rows or shown.page.get.catalogue.rows)
    row = shown.page.get.catalogue.rows["qwen2.5:1.5b"]
    assert row.get.accessibleName() == "Download Qwen2.5 1.5B Instruct, 986 MB"
    row.get.click()
    await shown.until(lambda: shown.presenter.state.downloads)
    running = shown.backend.move("download-1", state=DownloadState.RUNNING, done_bytes=493_000_000)
    shown.presenter.event_arrived(DownloadChanged(download=running))
    assert row.state.text() == "Fetching 50 %"
    assert row.get.isHidden()
    assert shown.page.get.catalogue.rows["tinyllama"].state.text() == "On this machine"


async def test_a_download_is_steered_from_its_card(shown: ShownLibrary) -> None:
    shown.page.show_get()
    shown.backend.put(library.DOWNLOADS)
    for download in library.DOWNLOADS:
        shown.presenter.event_arrived(DownloadChanged(download=download))
    cards = shown.page.get.downloads.cards
    assert list(cards) == [download.id for download in library.DOWNLOADS]
    running, paused, failed, _verifying = cards.values()
    await shown.until(lambda: shows(running, "612 of 986 MB, 21.4 MB/s, 17 s left"))
    assert shows(failed, "The server closed the connection 5 times")
    running.pause.click()
    paused.resume.click()
    failed.retry.click()
    failed.close_button.click()
    await shown.until(lambda: shown.asked("cancel_download"))
    await shown.until(lambda: len(shown.asked("resume_download")) == 2)
    assert shown.asked("pause_download") == [library.DOWNLOADS[0].id]
    await shown.until(lambda: len(shown.page.get.downloads.cards) == 3)


async def test_the_keyboard_stays_on_what_goes_on_and_never_lands_on_cancel(shown: ShownLibrary) -> None:
    shown.page.show_get()
    running = library.download(library.STORED.name, DownloadState.RUNNING, 100, 398)
    shown.presenter.event_arrived(DownloadChanged(download=running))
    await shown.until(lambda: shown.page.get.downloads.cards)
    card = shown.page.get.downloads.cards[running.id]
    card.pause.setFocus()
    for state, button_of in (
        (DownloadState.PAUSED, card.resume),
        (DownloadState.RUNNING, card.pause),
        (DownloadState.FAILED, card.retry),
        (DownloadState.DONE, card.show_model),
    ):
        shown.presenter.event_arrived(DownloadChanged(download=running.model_copy(update={"state": state})))
        assert shown.page.window().focusWidget() is button_of


async def test_a_done_download_leads_to_its_model(shown: ShownLibrary) -> None:
    shown.page.show_get()
    done = library.download(library.STORED.name, DownloadState.DONE, 398, 398)
    shown.presenter.event_arrived(DownloadChanged(download=done))
    await shown.until(lambda: button(shown.page.get.downloads, "Show model"))
    shown.page.get.downloads.cards[done.id].show_model.click()
    await shown.until(lambda: shown.presenter.state.selected == library.STORED.name)
    assert shown.presenter.state.view == "machine"


async def test_any_model_is_looked_up_and_a_file_of_it_chosen(shown: ShownLibrary) -> None:
    shown.backend.remotes = {library.REPOSITORY: library.REMOTE}
    shown.page.look_up()
    lookup = shown.page.get.lookup
    shown.qtbot.keyClicks(lookup.field.edit, library.REPOSITORY)
    shown.key(Qt.Key.Key_Return, lookup.field.edit)
    await shown.until(lookup.found.isVisible)
    assert shows(lookup.found, "Licence: MIT. 3 files.")
    lookup.found.file.setCurrentIndex(2)
    assert lookup.found.size_words.text() == "4.06 GB"
    lookup.found.get.click()
    wanted = library.REMOTE.files[2].reference
    await shown.until(lambda: shown.presenter.state.download_of(wanted))
    assert not lookup.found.get.isEnabled()


async def test_the_server_is_offered_while_it_is_there(shown: ShownLibrary) -> None:
    lookup = shown.page.get.lookup
    shown.page.show_get()
    await shown.until(lambda: shown.asked("ollama"))
    assert lookup.with_server.isHidden()
    shown.backend.server = OllamaStatus(state=OllamaState.READY)
    await shown.presenter.find_server()
    assert not lookup.with_server.isEnabled()
    shown.qtbot.keyClicks(lookup.field.edit, "gpt-oss:20b")
    lookup.with_server.click()
    await shown.until(lambda: shown.asked("pull_ollama_model") == ["gpt-oss:20b"])
    await shown.until(lambda: shows(shown.page.get.downloads, "Connecting"))


async def test_what_is_not_found_says_why_beside_the_catalogue(shown: ShownLibrary) -> None:
    shown.page.show_get()
    shown.backend.refuse(library.OFFLINE, "remote")
    shown.page.look_up("hf.co/a/b")
    await shown.until(lambda: shows(shown.page.get.lookup, "could not be reached"))
    await shown.until(shown.page.get.catalogue.isVisible)
    assert shown.page.get.hint.isVisible()
    shown.key(Qt.Key.Key_Escape, shown.page.get.lookup.field.edit)
    assert shown.page.get.lookup.failure.isHidden()
    assert shown.page.get.hint.isHidden()


async def test_the_page_fits_the_least_window(shown: ShownLibrary) -> None:
    assert shown.page.minimumSizeHint().width() <= 912
    shown.page.show_get()
    shown.backend.server = OllamaStatus(state=OllamaState.READY)
    await shown.until(lambda: shown.presenter.state.catalogue)
    assert shown.page.minimumSizeHint().width() <= 912


async def test_a_very_long_name_widens_nothing(shown: ShownLibrary) -> None:
    name = "x" * 200
    long = library.STORED.model_copy(update={"name": name, "title": name, "license": "y" * 60})
    shown.backend.known = (long,)
    shown.presenter.event_arrived(ModelsChanged(models=(long,)))
    shown.page.machine.open(name)
    panel = shown.page.machine.panel
    await shown.until(panel.isVisible)
    inner = panel.scroller.widget()
    await shown.until(lambda: panel.copy_path.isVisible())
    assert inner.minimumSizeHint().width() <= panel.scroller.viewport().width()


async def test_columns_go_where_there_is_no_room(shown: ShownLibrary) -> None:
    table = shown.page.machine.table
    assert not table.isColumnHidden(CONTEXT)
    shown.page.machine.open(library.TINY.name)
    await shown.until(shown.page.machine.panel.isVisible)
    QApplication.processEvents()
    assert table.isColumnHidden(CONTEXT)
    assert table.horizontalHeader().length() <= table.viewport().width()


async def test_everything_that_takes_the_keyboard_has_a_name(shown: ShownLibrary) -> None:
    shown.page.show_get()
    shown.presenter.event_arrived(DownloadChanged(download=library.DOWNLOADS[0]))
    await shown.until(lambda: shown.presenter.state.catalogue)
    shown.page.machine.open(library.TINY.name)
    inner = [widget for widget in shown.page.findChildren(QWidget) if widget.window() is shown.page]
    reached = [widget for widget in inner if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]
    names = [QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name) for widget in reached]
    assert len(names) > 20
    assert all(names), [widget for widget, name in zip(reached, names, strict=True) if not name]


async def test_actions_reach_the_page_and_each_model(shown: ShownLibrary) -> None:
    actions = {action.id: action for action in models_actions(shown.presenter, lambda: shown.page)}
    actions["models.get"].run()
    assert shown.presenter.state.view == "get"
    assert not actions["models.load"].enabled()
    opened = {action.id: action for action in model_actions(shown.presenter, lambda: shown.page)}
    opened[f"models.open.{library.STORED.name}"].run()
    await shown.until(lambda: shown.presenter.state.selected == library.STORED.name)
    assert actions["models.load"].enabled()
    actions["models.load"].run()
    await shown.until(lambda: shown.asked("load_model") == [library.STORED.name])
    shown.presenter.connection_changed(False)
    assert not actions["models.import"].enabled()
