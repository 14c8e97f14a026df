"""Colours of program text by pygments, which is loaded when the first code block needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import Lexer
    from pygments.token import _TokenType

COLORS = (
    ("Comment", "synComment"),
    ("Keyword.Type", "synType"),
    ("Keyword.Constant", "synNumber"),
    ("Keyword", "synKeyword"),
    ("Operator.Word", "synKeyword"),
    ("Literal.String", "synString"),
    ("Literal.Number", "synNumber"),
    ("Name.Function", "synFunction"),
    ("Name.Class", "synType"),
    ("Name.Builtin", "synType"),
    ("Name.Exception", "synType"),
    ("Name.Decorator", "synFunction"),
    ("Name.Tag", "synKeyword"),
    ("Name.Attribute", "synFunction"),
    ("Generic.Deleted", "synError"),
    ("Generic.Inserted", "synString"),
    ("Generic.Heading", "synKeyword"),
    ("Error", ""),
)
"""Pygments token, colour token; the first that fits."""


class Highlighter:
    """Finds lexers by language name and colours lines; keeps the lexers that it has found."""

    def __init__(self) -> None:
        self._lexers: dict[str, Lexer | None] = {}
        self._colors: dict[str, str] = {}

    def warm_up(self) -> None:
        """Load pygments and a common lexer while nothing else is to do."""
        self.lexer("python")

    def lexer(self, language: str) -> Lexer | None:
        """The lexer of a language; None when there is none."""
        if language not in self._lexers:
            self._lexers[language] = _find_lexer(language)
        return self._lexers[language]

    def lines(self, code: str, language: str) -> Iterator[list[tuple[int, int, str]]]:
        """For each line of the code its coloured spans: start, length, colour token."""
        lexer = self.lexer(language)
        if lexer is None:
            return
        line: list[tuple[int, int, str]] = []
        at = 0
        for token, value in lexer.get_tokens(code):
            color = self._color(token)
            for number, part in enumerate(value.split("\n")):
                if number:
                    yield line
                    line, at = [], 0
                length = _utf16_length(part)
                if color and length:
                    line.append((at, length, color))
                at += length
        if line:
            yield line

    def _color(self, token: _TokenType) -> str:
        name = str(token).removeprefix("Token.")
        if name not in self._colors:
            self._colors[name] = next((color for kind, color in COLORS if name.startswith(kind)), "")
        return self._colors[name]


def _utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _find_lexer(language: str) -> Lexer | None:
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
