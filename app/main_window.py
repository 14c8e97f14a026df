"""Makes the window as it is on the first frame: shell and theme, without what needs the backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QApplication, QWidget

from app.page_slot import PageSlot
from app.preferences import PreferenceStore
from ui.shell.shell import Shell
from ui.shell.values import PageEntry
from ui.theme import ThemeSource, apply_theme, load_fonts, load_tokens

CHAT = "chat"
MODELS = "models"
OVERVIEW = "overview"
SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class MainWindow:
    """The window and what belongs to it.

    Attributes:
        application: Qt's.
        shell: the window.
        themes: where the theme comes from.
        slots: places of the pages, by key; filled by `fill`.
        fill: told the key of a page that is shown for the first time.
    """

    application: QApplication
    shell: Shell
    themes: ThemeSource
    slots: dict[str, PageSlot]
    wanted: list[Callable[[str], None]]

    def on_wanted(self, fill: Callable[[str], None]) -> None:
        """Fill the slots that are shown already, and each one that is shown from now on."""
        self.wanted.append(fill)
        for key in self.slots:
            fill(key)


def open_application() -> QApplication:
    """Qt's application object."""
    application = QApplication(["sutazai"])
    application.setApplicationName("sutazai")
    application.setApplicationDisplayName("SutazAI Control Center")
    application.setDesktopFileName("sutazai")
    # the last window closes while coroutines still end what they do
    application.setQuitOnLastWindowClosed(False)
    return application


def open_main_window(application: QApplication, preferences: PreferenceStore) -> MainWindow:
    """The window, not shown yet."""
    load_fonts()
    chosen = preferences.value
    themes = ThemeSource(
        load_tokens(), chosen.theme, chosen.text_percent / 100, reduced_motion=chosen.reduced_motion
    )
    apply_theme(application, themes.theme)
    shell = Shell(themes, preferences)
    window = MainWindow(application, shell, themes, {}, [])

    def slot_of(key: str) -> Callable[[], QWidget]:
        def make() -> QWidget:
            window.slots[key] = slot = PageSlot()
            for fill in window.wanted:
                fill(key)
            return slot

        return make

    shell.add_page(PageEntry(CHAT, "Chat", "message-square", "Ctrl+1", slot_of(CHAT)))
    shell.add_page(PageEntry(MODELS, "Models", "box", "Ctrl+2", slot_of(MODELS)))
    shell.add_page(PageEntry(OVERVIEW, "Overview", "layout-dashboard", "Ctrl+3", slot_of(OVERVIEW)))
    shell.add_page(PageEntry(SETTINGS, "Settings", "settings", "Ctrl+,", slot_of(SETTINGS), at_bottom=True))
    shell.show_first_page()
    return window
