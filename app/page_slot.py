"""The place of a page that is there from the first frame on; the page itself comes when it is imported."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget


class PageSlot(QWidget):
    """Empty until it is filled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def fill(self, page: QWidget) -> None:
        """Put the page in; the keyboard goes to it if it waited here."""
        waited = self.hasFocus()
        self.page = page
        self._column.addWidget(page)
        self.setFocusProxy(page)
        if waited or self.isVisible():
            page.setFocus()
