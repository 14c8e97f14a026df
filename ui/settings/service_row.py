"""A row of the Services section: what serves now, and a choice, an address and Test to change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.probes import ServiceKind
from ui.settings.fields import TypedField
from ui.settings.rows import SettingRow
from ui.settings.service_state import ADDRESS, AUTO, EMBEDDED, Trial, choice_of, live_words
from ui.widgets import Choice, Label, SecondaryButton, StateGlyph

if TYPE_CHECKING:
    from backend_embedded.contract.status import Capability
    from ui.theme import ThemeSource

CHOICES = ((AUTO, "Auto"), (EMBEDDED, "Embedded"), (ADDRESS, "Address"))
CONTROL_WIDTH = 440
EXAMPLES = {
    ServiceKind.CACHE: "redis://127.0.0.1:6379",
    ServiceKind.QUEUE: "amqp://127.0.0.1:5672/",
    ServiceKind.DATABASE: "postgresql://user:password@host/name",
}


class ServiceControl(QWidget):
    """A choice, an address, and Test with its answer in place.

    Args:
        kind: of the server.
        label: its name.
        themes: where the theme comes from.
        choosable: offer auto, embedded and an address; else only the address.
    """

    taken = Signal(str)
    left = Signal()
    edited = Signal()
    wanted = Signal(str)
    """Try this address."""

    def __init__(self, kind: ServiceKind, label: str, themes: ThemeSource, *, choosable: bool = True) -> None:
        super().__init__()
        self._kind = kind
        self._busy = False
        self.choice = Choice(f"{label}, where", CHOICES, themes)
        self.choice.setVisible(choosable)
        self.field = TypedField(f"{label}, address", themes, mono=True)
        self.setFixedWidth(CONTROL_WIDTH)
        self.test = SecondaryButton("Test", themes)
        self.test.setAccessibleName(f"Test the address of the {kind.value}")
        self.glyph = StateGlyph("off", themes)
        self.answer = Label("", themes, "caption", "text2", wrap=True, selectable=True)
        self._lay_out()
        self.setFocusProxy(self.choice if choosable else self.field)
        self.choice.activated.connect(lambda _: self._chosen())
        self.field.taken.connect(self.taken)
        self.field.left.connect(self.left)
        self.field.textEdited.connect(lambda _: self.edited.emit())
        self.field.textChanged.connect(lambda _: self._offer_test())
        self.test.clicked.connect(lambda: self.wanted.emit(self.field.text().strip()))
        self.show_trial(None)

    def show_setting(self, setting: str) -> None:
        """Show what is set; an address that is about to be typed is not disturbed."""
        chosen = choice_of(setting)
        typing = self.choice.currentData() == ADDRESS and chosen != ADDRESS and self.field.hasFocus()
        if typing:
            return
        self.choice.choose(chosen)
        self.field.show_text(setting if chosen == ADDRESS else "")
        self._open_field()

    def show_trial(self, trial: Trial | None) -> None:
        """Show the answer of the last try."""
        self._busy = trial is not None and trial.busy
        words = "" if trial is None else "Waiting for an answer" if trial.busy else trial.words
        shown = "off" if trial is None or trial.busy else "ok" if trial.passed else "down"
        self.glyph.set_state(shown)
        self.answer.setText(words)
        self.answer.set_tone("down" if shown == "down" else "text2")
        self.glyph.setVisible(bool(words))
        self.answer.setVisible(bool(words))
        self.answer.setAccessibleName(f"Test: {words}" if words else "")
        self._offer_test()

    def _chosen(self) -> None:
        self._open_field()
        if self.choice.currentData() == ADDRESS:
            self.field.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            self.taken.emit(str(self.choice.currentData()))

    def _open_field(self) -> None:
        used = self.choice.isHidden() or self.choice.currentData() == ADDRESS
        self.field.setEnabled(used)
        self.field.setPlaceholderText(EXAMPLES[self._kind] if used else "Not used")
        self._offer_test()

    def _offer_test(self) -> None:
        typed = bool(self.field.text().strip()) and self.field.isEnabled()
        self.test.setEnabled(typed and not self._busy)
        self.test.setToolTip("" if typed else "Choose Address and type one")

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.choice)
        line.addWidget(self.field, 1)
        line.addWidget(self.test)
        told = QHBoxLayout()
        told.setSpacing(6)
        told.addWidget(self.glyph, 0, Qt.AlignmentFlag.AlignTop)
        told.addWidget(self.answer, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(line)
        column.addLayout(told)


class ServiceRow(SettingRow):
    """A setting whose caption is the state of what serves now."""

    def __init__(self, label: str, control: ServiceControl, themes: ThemeSource, words: str) -> None:
        super().__init__(label, "", control, themes, words=words)
        self.glyph = StateGlyph("off", themes)
        above = self._words
        place = above.indexOf(self.caption)
        above.removeWidget(self.caption)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.glyph, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.caption, 1)
        above.insertLayout(place, line)

    def show_live(self, capability: Capability | None) -> None:
        """Show what serves now."""
        state = "off" if capability is None else capability.state.value
        self.glyph.set_state(state)
        self.caption.setText(live_words(capability))
        self.caption.set_tone(state if state in ("degraded", "down") else "text3")
