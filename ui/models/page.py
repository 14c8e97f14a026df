"""The models page: header, the two views, import by dialog and by drop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from ui.models import words
from ui.models.get_view import GetView
from ui.models.machine_view import MachineView
from ui.models.state import KINDS
from ui.widgets import Label, PageHeader, SearchField, SecondaryButton, Segmented

if TYPE_CHECKING:
    from PySide6.QtGui import (
        QDragEnterEvent,
        QDragLeaveEvent,
        QDropEvent,
        QKeyEvent,
        QPaintEvent,
        QResizeEvent,
    )

    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import Theme, ThemeSource

SEARCH_WIDTH, LEAST_SEARCH_WIDTH = 240, 120


class ModelsPage(QWidget):
    """Shows the presenter's state.

    Args:
        presenter: carries out what is wanted.
        themes: where the theme comes from.
        folder: where the dialog to import begins.
    """

    def __init__(
        self,
        presenter: ModelsPresenter,
        themes: ThemeSource,
        *,
        folder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presenter, self._folder = presenter, folder
        self.setAccessibleName("Models")
        self.setAcceptDrops(True)
        self.header = PageHeader("Models", themes, ruled=False)
        self.import_button = SecondaryButton("Import…", themes, "plus")
        self.view_choice = Segmented("View", [("machine", "On this machine"), ("get", "Get models")], themes)
        self.search = SearchField("Filter models", themes)
        self.kind = Segmented("Kind", KINDS, themes)
        self.figures = Label("", themes, "caption", "text3", numbers=True)
        self.machine = MachineView(presenter, themes, lambda: presenter.show("get"), self.search.clear)
        self.get = GetView(presenter, themes, self.show_model, self.search.clear)
        self.stack = QStackedWidget()
        self.drop_mark = DropMark(themes, self)
        self.dialog: QFileDialog | None = None
        self._lay_out()
        self._connect()
        presenter.listen(self)
        self.state_changed(presenter.state)

    def _lay_out(self) -> None:
        self.header.add_action(self.import_button)
        tools = QHBoxLayout()
        tools.setContentsMargins(16, 0, 16, 12)
        tools.setSpacing(8)
        self.search.setMinimumWidth(LEAST_SEARCH_WIDTH)
        self.search.setMaximumWidth(SEARCH_WIDTH)
        tools.addWidget(self.view_choice)
        tools.addWidget(self.search, 4)
        tools.addWidget(self.kind)
        tools.addStretch(1)
        tools.addWidget(self.figures)
        self.stack.addWidget(self.machine)
        self.stack.addWidget(self.get)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addLayout(tools)
        column.addWidget(self.stack, 1)
        self.setFocusProxy(self.machine.table)

    def _connect(self) -> None:
        presenter = self._presenter
        self.import_button.clicked.connect(self.open_import)
        self.view_choice.chosen.connect(presenter.show)
        self.search.textChanged.connect(presenter.search)
        self.kind.chosen.connect(presenter.narrow)

    def state_changed(self, state: ModelsState) -> None:
        """Show this state."""
        at_machine = state.view == "machine"
        self.view_choice.choose(state.view)
        self.kind.choose(state.kind)
        self.kind.setVisible(not at_machine)
        self.setFocusProxy(self.machine.table if at_machine else self.get.lookup.field.edit)
        self.stack.setCurrentWidget(self.machine if at_machine else self.get)
        self.import_button.setEnabled(state.connected)
        self.import_button.setToolTip(state.locked_because or "GGUF files can also be dropped on this page")
        self.figures.setText(figures_of(state))
        self.machine.show_state(state)
        self.get.show_state(state)

    # What actions do

    def show_machine(self) -> None:
        """Show the models on this machine."""
        self._presenter.show("machine")

    def show_get(self) -> None:
        """Show the catalogue."""
        self._presenter.show("get")

    def show_model(self, name: str) -> None:
        """Show a model with its details."""
        self.search.clear()
        self._presenter.show("machine")
        if self._presenter.state.find(name) is not None:
            self.machine.open(name)
        self.machine.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def look_up(self, reference: str = "") -> None:
        """Put the keyboard in the field for any model; a reference is looked up at once."""
        self._presenter.show("get")
        edit = self.get.lookup.field.edit
        edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if reference:
            edit.setText(reference)
            self.get.lookup.look_up()

    def focus_search(self) -> None:
        """Put the keyboard in the filter."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def open_import(self) -> None:
        """Let the user choose GGUF files; the program goes on meanwhile."""
        if self.dialog is not None:
            self.dialog.raise_()
            return
        dialog = QFileDialog(self, "Import models", self._folder, "GGUF files (*.gguf)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setOption(QFileDialog.Option.ReadOnly)
        dialog.filesSelected.connect(self.import_files)
        dialog.finished.connect(self._closed)
        self.dialog = dialog
        dialog.open()

    def import_files(self, paths: list[str]) -> None:
        """Take these files into the library."""
        self._presenter.spawn(self._presenter.import_files(paths))

    def _closed(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    # Drop, keys, size

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files can be dropped while the backend is there."""
        if self._presenter.state.connected and _files(event):
            event.acceptProposedAction()
            self.mark_drop()

    def mark_drop(self) -> None:
        """Show that files can be dropped here."""
        self.drop_mark.setGeometry(self.rect())
        self.drop_mark.show()
        self.drop_mark.raise_()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """They went elsewhere."""
        self.drop_mark.hide()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Import what was dropped."""
        self.drop_mark.hide()
        event.acceptProposedAction()
        self.import_files(_files(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc closes the nearest thing: the question, the details, the search."""
        state = self._presenter.state
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif state.removing:
            self._presenter.keep()
        elif state.view == "machine" and state.selected:
            self.machine.close_details()
        elif self.search.text():
            self.search.clear()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The mark of a drop is as large as the page."""
        super().resizeEvent(event)
        self.drop_mark.setGeometry(self.rect())


class DropMark(QWidget):
    """A dashed edge over the page while files are held over it."""

    def __init__(self, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Drop to import")
        self.hide()
        themes.changed.connect(self._use)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Edge and words."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = theme.color("window")
        shade.setAlphaF(0.8)
        painter.fillRect(self.rect(), shade)
        painter.setPen(QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(9, 9, -9, -9), 8, 8)
        painter.setFont(theme.font("cardTitle"))
        painter.setPen(theme.color("text"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Drop to import")
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


def _files(event: QDropEvent) -> list[str]:
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [url.toLocalFile() for url in urls if url.isLocalFile()]


def figures_of(state: ModelsState) -> str:
    """`3 models, 1.12 GB`, or the catalogue's figures."""
    if state.view == "get":
        return words.counted(len(state.catalogue), "model") if state.catalogue else ""
    if not state.models:
        return ""
    return f"{words.counted(len(state.models), 'model')}, {words.file_size(state.size_bytes)}"
