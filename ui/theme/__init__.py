"""Design tokens as data: palette, style sheet, fonts and icons made from `resources/themes/tokens.json`."""

from __future__ import annotations

from ui.theme.application import apply_theme
from ui.theme.fonts import load_fonts
from ui.theme.source import ThemeSource
from ui.theme.theme import Theme, theme_of
from ui.theme.tokens import Tokens, load_tokens

__all__ = ["Theme", "ThemeSource", "Tokens", "apply_theme", "load_fonts", "load_tokens", "theme_of"]
