"""Icons of the bundled set, drawn in a token's colour with a stroke that looks the same at every size."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from ui.theme.theme import Theme

STROKE = re.compile(r'stroke-width="[^"]*"')
FILLED = frozenset({"square", "play"})
"""Drawn filled: an outline square reads as a check box."""


def icon(name: str, token: str, size: int, theme: Theme) -> QIcon:
    """An icon in a token's colour; its disabled look uses the `disabled` token.

    Args:
        name: file name in `resources/icons` without `.svg`.
        token: colour token.
        size: 12, 14, 16, 18 or 32.
        theme: the theme in use.
    """
    drawn = QIcon(pixmap(name, token, size, theme))
    drawn.addPixmap(pixmap(name, "disabled", size, theme), QIcon.Mode.Disabled)
    return drawn


def pixmap(name: str, token: str, size: int, theme: Theme, dpr: float | None = None) -> QPixmap:
    """One picture of an icon, sharp at the device pixel ratio (default: the application's highest)."""
    application = QGuiApplication.instance()
    ratio = dpr or (application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0)
    stroke = theme.tokens.stroke_at.get(size, 2.0)
    return _drawn(name, theme.hex(token), size, stroke, ratio)


def spaced_icon(name: str, token: str, theme: Theme) -> QIcon:
    """A 16 px icon with 4 px of air at its right: style sheets ignore the gap between icon and text."""
    drawn = QIcon(_with_air(pixmap(name, token, 16, theme)))
    drawn.addPixmap(_with_air(pixmap(name, "disabled", 16, theme)), QIcon.Mode.Disabled)
    return drawn


def application_icon() -> QIcon:
    """The icon of the window."""
    drawn = QIcon()
    renderer = QSvgRenderer(QByteArray(_source("application").encode()))
    for size in (16, 24, 32, 48, 64, 128):
        drawn.addPixmap(_render(renderer, size, 1.0))
    return drawn


@lru_cache(maxsize=128)
def _source(name: str) -> str:
    return files("resources").joinpath(f"icons/{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=1024)
def _drawn(name: str, color: str, size: int, stroke: float, dpr: float) -> QPixmap:
    svg = STROKE.sub(f'stroke-width="{stroke}"', _source(name)).replace("currentColor", color)
    if name in FILLED:
        svg = svg.replace('fill="none"', f'fill="{color}"', 1)
    if name == "square":
        svg = svg.replace('width="18" height="18" x="3" y="3"', 'width="14" height="14" x="5" y="5"')
    return _render(QSvgRenderer(QByteArray(svg.encode())), size, dpr)


def _render(renderer: QSvgRenderer, size: int, dpr: float) -> QPixmap:
    picture = QPixmap(round(size * dpr), round(size * dpr))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(dpr)
    return picture


def _with_air(drawn: QPixmap) -> QPixmap:
    dpr = drawn.devicePixelRatio()
    wide = QPixmap(round(20 * dpr), round(16 * dpr))
    wide.setDevicePixelRatio(dpr)
    wide.fill(Qt.GlobalColor.transparent)
    painter = QPainter(wide)
    painter.drawPixmap(0, 0, drawn)
    painter.end()
    return wide
