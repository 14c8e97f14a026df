"""The rows of the models' table: what stands in each cell, shown and spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui.models import words

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from backend_embedded.contract.models import Model

Index = QModelIndex | QPersistentModelIndex
DISPLAY = int(Qt.ItemDataRole.DisplayRole)
ROW = int(Qt.ItemDataRole.UserRole)
BUSY = ROW + 1
SPOKEN = int(Qt.ItemDataRole.AccessibleTextRole)
TIP = int(Qt.ItemDataRole.ToolTipRole)
ALIGN = int(Qt.ItemDataRole.TextAlignmentRole)
MODEL, STATE, CONTEXT, MEMORY, SIZE, SPEED = range(6)
HEADS = ("Model", "State", "Context", "Memory", "Size", "Speed")
HEAD_TIPS = (
    "",
    "",
    "Tokens that the model was trained to hold",
    "Memory that it needs with the context size of the settings",
    "On the disk",
    "Tokens a second, measured on this machine",
)
NOWHERE = QModelIndex()


class ModelRows(QAbstractTableModel):
    """One row for each model; a change of facts keeps the rows, another set of models makes them anew."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._models: tuple[Model, ...] = ()
        self._busy: Mapping[str, str] = {}

    def show_models(self, models: Sequence[Model], busy: Mapping[str, str]) -> bool:
        """Show these; says whether the rows are others than before."""
        models = tuple(models)
        if models == self._models and busy == self._busy:
            return False
        same = [one.name for one in models] == [one.name for one in self._models]
        if same:
            self._models, self._busy = models, busy
            if models:
                self.dataChanged.emit(self.index(0, 0), self.index(len(models) - 1, SPEED))
            return False
        self.beginResetModel()
        self._models, self._busy = models, busy
        self.endResetModel()
        return True

    def row_of(self, name: str) -> int:
        """Row of a model; -1 when it is not there."""
        return next((row for row, model in enumerate(self._models) if model.name == name), -1)

    def model_at(self, row: int) -> Model | None:
        """The model of a row."""
        return self._models[row] if 0 <= row < len(self._models) else None

    def rowCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802
        """Number of models."""
        return 0 if parent.isValid() else len(self._models)

    def columnCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent.isValid() else len(HEADS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY
    ) -> Any:
        """Heads of the columns; the rows have none."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADS):
            return None
        if role == DISPLAY:
            return HEADS[section]
        if role == TIP:
            return HEAD_TIPS[section] or None
        if role == ALIGN:
            side = Qt.AlignmentFlag.AlignRight if section >= CONTEXT else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """What a cell shows and says."""
        model = self.model_at(index.row())
        if model is None:
            return None
        busy = self._busy.get(model.name, "")
        if role == ROW:
            return model
        if role == BUSY:
            return busy
        if role == DISPLAY:
            return cell(model, index.column(), busy)
        if role == SPOKEN:
            spoken = cell(model, index.column(), busy)
            return sentence(model, busy) if index.column() == MODEL else f"{HEADS[index.column()]} {spoken}"
        if role == TIP and index.column() == MODEL:
            return model.problem or model.path or None
        return None


def cell(model: Model, column: int, busy: str) -> str:
    """Words of a cell."""
    match column:
        case 0:
            return model.title or model.name
        case 1:
            return words.state_of_model(model, busy)[1]
        case 2:
            return words.tokens(model.context_length)
        case 3:
            return words.memory(model.memory_bytes)
        case 4:
            return words.file_size(model.size_bytes)
        case _:
            return words.rate(model.tokens_per_s)


def sentence(model: Model, busy: str) -> str:
    """A model's whole row, spoken."""
    parts = (
        model.title or model.name,
        words.state_of_model(model, busy)[1],
        *words.marks_of(model),
        words.line_of_model(model).replace(words.SEPARATOR, ", "),
        words.file_size(model.size_bytes),
    )
    return ", ".join(parts)
