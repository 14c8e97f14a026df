"""Labels in the text styles of the design."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ui.theme import Theme, ThemeSource


class Label(QLabel):
    """A label in a text style and a tone.

    Args:
        text: plain text.
        themes: where the theme comes from.
        style: text style, for example `body` or `caption`.
        tone: colour token; empty for the primary text.
        wrap: break lines.
        numbers: figures of equal width.
        selectable: the text can be selected and copied.
    """

    def __init__(
        self,
        text: str,
        themes: ThemeSource,
        style: str = "body",
        tone: str = "",
        *,
        wrap: bool = False,
        numbers: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._style = style
        self._numbers = numbers
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setProperty("tone", tone)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self._use(themes.theme)
        themes.changed.connect(self._use)

    def set_tone(self, tone: str) -> None:
        """Change the colour token."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)

    def _use(self, theme: Theme) -> None:
        self.setFont(theme.font(self._style, numbers=self._numbers))


class ElidedLabel(Label):
    """One line that ends in … when it does not fit; the whole text is then its tooltip."""

    def __init__(
        self, text: str, themes: ThemeSource, style: str = "body", tone: str = "", *, numbers: bool = False
    ) -> None:
        super().__init__("", themes, style, tone, numbers=numbers)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = text
        self._fit()

    def set_whole_text(self, text: str) -> None:
        """Show another text."""
        self._whole = text
        self._fit()

    def whole_text(self) -> str:
        """The text, not shortened."""
        return self._whole

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the whole text."""
        hint = super().sizeHint()
        hint.setWidth(QFontMetrics(self.font()).horizontalAdvance(self._whole) + 2)
        return hint

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Any width will do."""
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 24))
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")
        self.setAccessibleName(self._whole)
