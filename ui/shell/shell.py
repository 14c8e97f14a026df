"""The window: rail, pages, connection band and status bar, with what floats over them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from ui.shell.actions import Action, ActionTable
from ui.shell.connection_band import ConnectionBand
from ui.shell.esc_stack import EscStack
from ui.shell.notifications import HistoryPopover, Notifications
from ui.shell.palette import CommandPalette
from ui.shell.popover import CapabilityPopover, Popover
from ui.shell.rail import Rail
from ui.shell.shortcut_sheet import ShortcutSheet
from ui.shell.shortcuts import Shortcuts
from ui.shell.status_bar import StatusBar, StatusItem
from ui.shell.values import CapabilityState, Notification, PageEntry, StateStore
from ui.theme import Theme, ThemeSource, apply_theme
from ui.theme.icons import application_icon
from ui.widgets.cards import CardAction

LEAST_WIDTH, LEAST_HEIGHT, FIRST_WIDTH, FIRST_HEIGHT = 960, 600, 1280, 800
GEOMETRY, PAGE, RAIL, USED = "window.geometry", "window.page", "window.rail_open", "palette.used"


class Shell(QMainWindow):
    """The main window.

    Signals:
        closing: the user wants to leave; the window stays until `allow_close`.
        page_shown(key): another page is seen.
        retry_pressed, log_pressed: buttons of the connection band.
        painted: the first frame is on the screen.

    Args:
        themes: where the theme comes from.
        state: keeps the window's place, page and rail.
        table: all actions; the shell adds its own.
    """

    closing = Signal()
    page_shown = Signal(str)
    retry_pressed = Signal()
    log_pressed = Signal()
    painted = Signal()

    def __init__(self, themes: ThemeSource, state: StateStore, table: ActionTable | None = None) -> None:
        super().__init__()
        # before any widget follows: what the sheet sets again would take the widgets' own fonts away
        themes.changed.connect(self._use)
        self._themes, self._state = themes, state
        self.table = table or ActionTable(used_before(state), lambda ids: state.set(USED, list(ids[:10])))
        self.esc = EscStack()
        self._entries: dict[str, PageEntry] = {}
        self._pages: dict[str, QWidget] = {}
        self._current = ""
        self._may_close = False
        self._was_painted = False
        self._popover: Popover | None = None
        self._capability_actions: dict[str, Sequence[CardAction]] = {}
        self.setWindowTitle("SutazAI")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(LEAST_WIDTH, LEAST_HEIGHT)
        self.resize(FIRST_WIDTH, FIRST_HEIGHT)
        self._build()
        self._add_own_actions()
        self._shortcuts = Shortcuts(self.table, self, lambda: self._current)
        self._restore()

    def add_page(self, entry: PageEntry) -> None:
        """Add a page to the rail; it is built when it is shown first."""
        self._entries[entry.key] = entry
        self.rail.add_page(entry)
        self.table.add(
            Action(
                f"page.{entry.key}",
                f"Go to {entry.title}",
                lambda: self._go_to(entry.key),
                shortcut=entry.shortcut,
                icon=entry.icon,
            )
        )

    def page(self, key: str) -> QWidget | None:
        """A page that was built already."""
        return self._pages.get(key)

    @property
    def current_page(self) -> str:
        """Key of the page that is seen."""
        return self._current

    def show_page(self, key: str) -> None:
        """Show a page, building it the first time; an unknown key is left alone."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if key not in self._pages:
            self._pages[key] = entry.factory()
            self._stack.addWidget(self._pages[key])
        self._stack.setCurrentWidget(self._pages[key])
        self._current = key
        self.rail.set_current(key)
        self.setWindowTitle(f"{entry.title} – SutazAI")
        self._state.set(PAGE, key)
        self.page_shown.emit(key)

    def show_first_page(self) -> None:
        """Show the page that was seen last, else the first one."""
        kept = self._state.get(PAGE)
        self.show_page(kept if kept in self._entries else next(iter(self._entries), ""))

    def show_capabilities(
        self, capabilities: Sequence[CapabilityState], actions: dict[str, Sequence[CardAction]] | None = None
    ) -> None:
        """Show the state of each capability.

        Args:
            capabilities: in any order.
            actions: buttons of the popover, by capability name; None keeps those given before.
        """
        if actions is not None:
            self._capability_actions = actions
        self.status_bar.show_capabilities(capabilities)

    def notify(self, notification: Notification, *, seen: bool = False) -> None:
        """Show a toast and keep it in the history; one that was seen happen on the page is only kept."""
        self.notifications.notify(notification, seen=seen)

    def set_note(self, words: str) -> None:
        """Quiet words at the right of the status bar."""
        self.status_bar.set_note(words)

    def toggle_rail(self) -> None:
        """Open or close the rail, and remember it."""
        self.rail.set_open(not self.rail.is_open)
        self._state.set(RAIL, self.rail.is_open)

    def open_palette(self) -> None:
        """Open the command palette."""
        self._close_floating()
        self.palette_overlay.open()

    def open_shortcut_sheet(self) -> None:
        """Open the sheet of shortcuts."""
        self._close_floating()
        self.shortcut_sheet.open()

    def allow_close(self) -> None:
        """The next close is real."""
        self._may_close = True

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Keep the place and say that the user wants to leave."""
        self._state.set(GEOMETRY, bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        if self._may_close:
            event.accept()
            return
        event.ignore()
        self.closing.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep what floats in its place; a narrow window closes the rail."""
        super().resizeEvent(event)
        narrow = self._themes.theme.size("railAutoCloseBelow")
        if (event.oldSize().width() < narrow) != (event.size().width() < narrow) or not self.isVisible():
            kept = self._state.get(RAIL)
            wide = event.size().width() >= narrow
            self.rail.set_open(wide and kept is not False)
        for overlay in (self.palette_overlay, self.shortcut_sheet):
            overlay.setGeometry(self.rect())
            overlay.place()
        self.notifications.place()
        if self._popover is not None:
            self._popover.close_now()

    def event(self, event: QEvent) -> bool:
        """Notice the first frame."""
        done = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self.painted.emit)
        return done

    def _build(self) -> None:
        self.rail = Rail(self._themes)
        self.band = ConnectionBand(self._themes)
        self.status_bar = StatusBar(self._themes)
        self._stack = QStackedWidget()
        self._page_column = QWidget()
        column = QVBoxLayout(self._page_column)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.band)
        column.addWidget(self._stack, 1)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.rail)
        upper.addWidget(self._page_column, 1)
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper, 1)
        layout.addWidget(self.status_bar)
        self.setCentralWidget(center)
        self.notifications = Notifications(self._themes, self, self.status_bar.height)
        self.palette_overlay = CommandPalette(self.table, self._themes, self, self._where)
        self.shortcut_sheet = ShortcutSheet(self.table, self._themes, self, self._where, self._titles)
        self._connect()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc that nothing with the keyboard wanted; a shortcut would take it from fields that close with it."""
        if event.key() == Qt.Key.Key_Escape and self.esc.press():
            return
        super().keyPressEvent(event)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.show_page)
        self.rail.commands.connect(self.open_palette)
        self.band.retry_pressed.connect(self.retry_pressed)
        self.band.log_pressed.connect(self.log_pressed)
        self.status_bar.capability_chosen.connect(self._open_capability)
        self.status_bar.bell_pressed.connect(self._open_history)
        self.notifications.unread_changed.connect(self.status_bar.bell.set_unread)
        self.esc.add(self._close_floating)

    def _add_own_actions(self) -> None:
        for name, title, run, keys, icon in (
            ("palette", "Search commands", self.open_palette, "Ctrl+K", "search"),
            ("shortcuts", "Show keyboard shortcuts", self.open_shortcut_sheet, "F1", "circle-help"),
            ("rail", "Show or hide the navigation's names", self.toggle_rail, "Ctrl+B", "panel-right"),
            ("notifications", "Show notifications", self._open_history, "", "bell"),
            ("region", "Go to the next region", self.next_region, "F6", "arrow-right"),
            ("quit", "Quit", self.close, "Ctrl+Q", "x"),
        ):
            self.table.add(Action(f"shell.{name}", title, run, shortcut=keys, icon=icon))

    def _go_to(self, key: str) -> None:
        self._close_floating()
        self.show_page(key)

    def next_region(self) -> None:
        """Bring the keyboard to the next of rail, page and status bar."""
        focused = QApplication.focusWidget()
        if focused is not None and self.rail.isAncestorOf(focused):
            self._focus_page()
        elif focused is not None and self._page_column.isAncestorOf(focused):
            self.status_bar.focus_first()
        else:
            self.rail.focus_current()

    def _focus_page(self) -> None:
        page = self._stack.currentWidget()
        if page is None:
            self.status_bar.focus_first()
            return
        if page.focusProxy() is not None or page.focusPolicy() != Qt.FocusPolicy.NoFocus:
            page.setFocus(Qt.FocusReason.TabFocusReason)
            return
        inner = (w for w in page.findChildren(QWidget) if w.isVisible() and w.isEnabled())
        first = next((w for w in inner if w.focusPolicy() & Qt.FocusPolicy.TabFocus), None)
        (first or self.status_bar.bell).setFocus(Qt.FocusReason.TabFocusReason)

    def _open_capability(self, item: StatusItem) -> None:
        capability = item.capability
        if capability is not None:
            actions = self._capability_actions.get(capability.name, ())
            self._open_popover(CapabilityPopover(capability, actions, self._themes, item, self))

    def _open_history(self) -> None:
        self._open_popover(HistoryPopover(self.notifications, self._themes, self.status_bar.bell, self))
        self.notifications.read()

    def _open_popover(self, popover: Popover) -> None:
        self._close_floating()
        self._popover = popover
        popover.closed.connect(self._forget_popover)
        popover.open()

    def _forget_popover(self) -> None:
        self._popover = None

    def _close_floating(self) -> bool:
        """Close the palette, the sheet or a popover; says whether one was open."""
        for overlay in (self.palette_overlay, self.shortcut_sheet):
            if overlay.isVisible():
                overlay.close_now()
                return True
        if self._popover is not None:
            self._popover.close_now()
            return True
        return False

    def _where(self) -> tuple[str, str]:
        return self._current, self._titles().get(self._current, "")

    def _titles(self) -> dict[str, str]:
        return {key: entry.title for key, entry in self._entries.items()}

    def _restore(self) -> None:
        geometry = self._state.get(GEOMETRY)
        if isinstance(geometry, str) and geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))

    def _use(self, theme: Theme) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, theme)


def used_before(state: StateStore) -> list[str]:
    """Ids of the actions used before this start, last one first."""
    kept = state.get(USED)
    return [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []
