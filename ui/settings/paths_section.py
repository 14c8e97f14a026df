"""Settings: the folders of this instance, to copy and to open."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.settings.rows import SettingRow
from ui.settings.section import Section
from ui.settings.state import SettingsState
from ui.theme import ThemeSource
from ui.widgets import Label, SecondaryButton

FOLDERS = (
    ("models", "Models", "GGUF files; one that is put here is found by itself."),
    ("data", "Data", "Conversations and everything else that is yours."),
    ("config", "Settings", "What was chosen here, as JSON."),
    ("state", "State and logs", "Logs of the window and of the backend."),
    ("cache", "Cache", "Can be removed at any time."),
    ("run", "Run", "Address and token of the backend that runs."),
)
PATH_WIDTH = 340


class PathLabel(Label):
    """A path, shortened in the middle when it is long; the whole one is its tooltip and can be copied."""

    def __init__(self, themes: ThemeSource) -> None:
        super().__init__("", themes, "log", "text2")
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def show_path(self, path: str) -> None:
        """Show another path."""
        self._whole = path
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for most paths."""
        return QSize(PATH_WIDTH, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """A few letters will do."""
        return QSize(64, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(24, self.width()))
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")
        self.setAccessibleName(self._whole)


class PathControl(QWidget):
    """A path with Copy and Open."""

    def __init__(self, name: str, themes: ThemeSource, open_folder: Callable[[str], object]) -> None:
        super().__init__()
        self.path = ""
        self._label = PathLabel(themes)
        self.copy = SecondaryButton("Copy", themes, small=True)
        self.open = SecondaryButton("Open", themes, small=True)
        self.copy.setAccessibleName(f"Copy the path of {name}")
        self.open.setAccessibleName(f"Open the folder of {name}")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.path))
        self.open.clicked.connect(lambda: open_folder(self.path))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._label)
        row.addSpacing(8)
        row.addWidget(self.copy)
        row.addWidget(self.open)

    def show_path(self, path: str) -> None:
        """Show another path."""
        self.path = path
        self._label.show_path(path)


class PathsSection(Section):
    """One row for each folder."""

    def __init__(self, themes: ThemeSource, open_folder: Callable[[str], object]) -> None:
        super().__init__(
            "paths", "Paths", "Where this instance keeps its files. Another home: --home DIR.", themes
        )
        self.controls: dict[str, PathControl] = {}
        card = self.add_card()
        for key, label, caption in FOLDERS:
            control = self.controls[key] = PathControl(label.lower(), themes, open_folder)
            card.add(SettingRow(label, caption, control, themes, words=f"{key} folder path directory"))
        self.column.addStretch(1)

    def show_state(self, state: SettingsState) -> None:
        """Show this state; the models folder is the one that is used."""
        super().show_state(state)
        used = dict(state.home)
        if state.settings is not None and state.settings.models_folder:
            used["models"] = state.settings.models_folder
        for key, control in self.controls.items():
            control.show_path(used.get(key, ""))
            control.copy.setEnabled(bool(control.path))
            control.open.setEnabled(bool(control.path))
