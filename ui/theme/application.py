"""Put a theme on the whole application."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from ui.theme.palette import palette_of
from ui.theme.style_sheet import style_sheet_of
from ui.theme.theme import Theme


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Set style, palette, font and the one style sheet; afterwards every widget has the theme's colours."""
    # under a style sheet the style does not tell its name; it was set before the first sheet
    if not app.styleSheet() and app.style().objectName().lower() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(palette_of(theme))
    app.setFont(theme.font("body"))
    sheet = style_sheet_of(theme)
    if app.styleSheet() != sheet:
        app.setStyleSheet(sheet)
