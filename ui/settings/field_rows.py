"""A section whose controls are fields of the backend's settings: each is taken at once or says why not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from ui.settings.fields import FolderField, TypedField
from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import RowsCard, SettingRow
from ui.settings.section import Section
from ui.settings.state import OFF, ON, FieldName, SettingsState
from ui.theme import ThemeSource
from ui.widgets import Choice, Segmented, Switch


class FieldSection(Section):
    """Keeps rows by the name of their field.

    Args:
        key: stable name.
        title: of the section.
        caption: what it is about.
        presenter: carries out the changes.
        themes: where the theme comes from.
    """

    def __init__(
        self, key: str, title: str, caption: str, presenter: SettingsPresenter, themes: ThemeSource
    ) -> None:
        super().__init__(key, title, caption, themes, needs_backend=True)
        self._presenter = presenter
        self.fields: dict[FieldName, SettingRow] = {}

    def add_field(
        self,
        card: RowsCard,
        name: FieldName,
        label: str,
        caption: str,
        control: QWidget,
        *,
        words: str = "",
        wide: bool = False,
    ) -> None:
        """Add a row for a field; its control is a folder, a text, a choice, segments or a switch."""
        row = SettingRow(label, caption, control, self._themes, words=words, wide=wide)
        self.fields[name] = card.add(row)
        if (edit := edit_of(control)) is not None:
            edit.taken.connect(lambda text: self.take(name, text))
            edit.left.connect(lambda: self._presenter.revert(name))
        elif isinstance(control, Choice):
            control.currentIndexChanged.connect(lambda _: self.take(name, str(control.currentData())))
        elif isinstance(control, Segmented):
            control.chosen.connect(lambda value: self.take(name, str(value)))
        elif isinstance(control, Switch):
            control.clicked.connect(lambda on: self.take(name, ON if on else OFF))

    def take(self, name: FieldName, text: str) -> None:
        """Change a setting."""
        self._presenter.spawn(self._presenter.change(name, text))

    def focus_field(self, name: str) -> bool:
        """Bring the keyboard to a field's control; False when the section has no such field."""
        row = next((row for field, row in self.fields.items() if field == name), None)
        if row is None:
            return False
        self.scroller.ensureWidgetVisible(row)
        (edit_of(row.control) or row.control).setFocus(Qt.FocusReason.ShortcutFocusReason)
        return True

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        for name, row in self.fields.items():
            control, edit = row.control, edit_of(row.control)
            if edit is not None:
                edit.show_text(state.shown(name))
            elif isinstance(control, Choice | Segmented):
                control.choose(state.shown(name))
            elif isinstance(control, Switch):
                control.setChecked(state.shown(name) == ON)
            row.set_error(state.errors.get(name, ""), edit)
            row.lock(state.locked_because)


def edit_of(control: QWidget) -> TypedField | None:
    """The line that is typed in, of a control that has one."""
    if isinstance(control, FolderField):
        return control.edit
    return control if isinstance(control, TypedField) else None
