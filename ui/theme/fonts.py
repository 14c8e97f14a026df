"""Bring the program's own font files into Qt before the first widget is made."""

from __future__ import annotations

from importlib.resources import as_file, files

from PySide6.QtGui import QFontDatabase

FONT_FILES = (
    "Inter-Regular.ttf",
    "Inter-Medium.ttf",
    "Inter-SemiBold.ttf",
    "Inter-Italic.ttf",
    "JetBrainsMono-Regular.ttf",
    "JetBrainsMono-Medium.ttf",
    "JetBrainsMono-SemiBold.ttf",
    "JetBrainsMono-Italic.ttf",
)


def load_fonts() -> list[str]:
    """Register the fonts of `resources/fonts`; a second call costs nothing.

    Returns:
        The files that Qt refused: the program then runs with the system's fonts.
    """
    if {"Inter", "JetBrains Mono"} <= set(QFontDatabase.families()):
        return []
    with as_file(files("resources").joinpath("fonts")) as folder:
        return [name for name in FONT_FILES if QFontDatabase.addApplicationFont(str(folder / name)) < 0]
