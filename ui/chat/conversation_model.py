"""The rows of the conversation list: group headings and conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from backend_embedded.contract.conversations import Conversation
from ui.chat import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from ui.chat.chats.ordering import ConversationGroup

DISPLAY = int(Qt.ItemDataRole.DisplayRole)
EDIT = int(Qt.ItemDataRole.EditRole)
TOOLTIP = int(Qt.ItemDataRole.ToolTipRole)
ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
ROW = int(Qt.ItemDataRole.UserRole)
HEADING_FLAGS = Qt.ItemFlag.ItemIsEnabled
ROW_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


class ConversationModel(QAbstractListModel):
    """Rows are headings (text) or conversations."""

    renamed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[str | Conversation] = []
        self._writing: frozenset[UUID] = frozenset()
        self._now: datetime | None = None

    def show_groups(
        self, groups: Sequence[ConversationGroup], writing: frozenset[UUID], now: datetime
    ) -> None:
        """Show these groups; conversations in `writing` get an answer now."""
        rows: list[str | Conversation] = []
        for group in groups:
            rows.append(group.title)
            rows.extend(group.conversations)
        same_shape = [_key(row) for row in rows] == [_key(row) for row in self._rows]
        self._now = now
        if same_shape:
            changed = rows != self._rows or writing != self._writing
            self._rows, self._writing = rows, writing
            if changed and rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self._rows, self._writing = rows, writing
        self.endResetModel()

    def row_of(self, conversation_id: UUID | None) -> int:
        """Row of a conversation; -1 when it is not there."""
        keys = (
            i for i, r in enumerate(self._rows) if isinstance(r, Conversation) and r.id == conversation_id
        )
        return next(keys, -1)

    def conversation_at(self, index: Index) -> Conversation | None:
        """The conversation of a row; None for a heading."""
        row = self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None
        return row if isinstance(row, Conversation) else None

    def is_writing(self, conversation_id: UUID) -> bool:
        """An answer is being made in it."""
        return conversation_id in self._writing

    @property
    def any_writing(self) -> bool:
        """Some row shows the busy ring."""
        return bool(self._writing)

    def time_of(self, conversation: Conversation) -> str:
        """The time at the right of a row."""
        return words.short_time(conversation.updated_at, self._now or conversation.updated_at)

    def rowCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802
        """Headings and conversations."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Title, tooltip, and the row itself."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if isinstance(row, str):
            return row if role in (DISPLAY, ACCESSIBLE) else None
        if role in (DISPLAY, EDIT):
            return row.title
        if role == TOOLTIP:
            tags = "\n" + " ".join(f"#{tag}" for tag in row.tags) if row.tags else ""
            return f"{row.title}\n{words.exact_time(row.updated_at)}{tags}"
        if role == ACCESSIBLE:
            busy = ", writing" if row.id in self._writing else ""
            tags = f", tagged {', '.join(row.tags)}" if row.tags else ""
            return f"{row.title}, {self.time_of(row)}{tags}{busy}"
        return None

    def setData(self, index: Index, value: Any, role: int = EDIT) -> bool:  # noqa: N802
        """A title that was typed over the old one."""
        conversation = self.conversation_at(index)
        title = str(value).strip()
        if conversation is None or role != EDIT or not title or title == conversation.title:
            return False
        self.renamed.emit(conversation.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings cannot be selected."""
        return ROW_FLAGS if self.conversation_at(index) is not None else HEADING_FLAGS


def _key(row: str | Conversation) -> object:
    return row if isinstance(row, str) else row.id
