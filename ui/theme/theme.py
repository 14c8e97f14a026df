"""One theme at one text size: the colours and fonts that widgets and documents are drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtGui import QColor, QFont

from ui.theme.tokens import ThemeName, Tokens

NUMBERS = QFont.Tag("tnum")
CALT = QFont.Tag("calt")
LIGA = QFont.Tag("liga")


@dataclass(frozen=True, eq=False)
class Theme:
    """The tokens in one of the two themes, at one text size.

    Attributes:
        name: `light` or `dark`.
        tokens: values of the design.
        scale: factor of the text size.
        reduced_motion: nothing is animated.
    """

    name: ThemeName
    tokens: Tokens
    scale: float = 1.0
    reduced_motion: bool = False

    def hex(self, token: str) -> str:
        """`#RRGGBB` of a colour token."""
        return self.tokens.colors[token][self.name]

    def color(self, token: str) -> QColor:
        """A colour token."""
        return QColor(self.hex(token))

    def px(self, style: str) -> int:
        """Size of a text style in pixels, at the text size in use."""
        return round(self.tokens.styles[style].px * self.scale)

    def line_px(self, style: str) -> int:
        """Height of a line of a text style in pixels, at the text size in use."""
        return round(self.tokens.styles[style].line_px * self.scale)

    def weight(self, style: str) -> int:
        """Weight of a text style."""
        return self.tokens.styles[style].weight

    def scaled(self, px: int) -> int:
        """A height that must hold text, at the text size in use; never below the designed one."""
        return max(px, round(px * self.scale))

    def size(self, name: str) -> int:
        """A height or width of the design in pixels."""
        return self.tokens.sizes_px[name]

    def motion_ms(self, name: str) -> int:
        """Duration of a movement; 0 when movement is reduced."""
        return 0 if self.reduced_motion else self.tokens.motion_ms[name]

    def family(self, *, mono: bool = False) -> str:
        """Family of the interface or of code."""
        return self.tokens.mono_family if mono else self.tokens.ui_family

    def font(self, style: str, *, numbers: bool = False, weight: int | None = None) -> QFont:
        """Font of a text style.

        Args:
            style: name of the style.
            numbers: figures of equal width, for numbers that change or stand in columns.
            weight: another weight than the style's own.
        """
        return QFont(_font(self, style, numbers, weight))


@lru_cache(maxsize=128)
def _font(theme: Theme, style: str, numbers: bool, weight: int | None) -> QFont:
    given = theme.tokens.styles[style]
    font = QFont([theme.family(mono=given.mono), "DejaVu Sans Mono" if given.mono else "DejaVu Sans"])
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setPixelSize(theme.px(style))
    font.setWeight(QFont.Weight(weight or given.weight))
    if given.mono:
        font.setStyleHint(QFont.StyleHint.Monospace)
        font.setFeature(CALT, 0)
        font.setFeature(LIGA, 0)
    elif numbers:
        font.setFeature(NUMBERS, 1)
    return font


def theme_of(tokens: Tokens, name: str, scale: float = 1.0, *, reduced_motion: bool = False) -> Theme:
    """The theme of a name; anything but `dark` is light."""
    return Theme("dark" if name == "dark" else "light", tokens, scale, reduced_motion)
