"""Reads Markdown into plain blocks and runs of text; HTML stays text and nothing is ever loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QTextCursor, QTextDocument, QTextFormat, QTextListFormat

if TYPE_CHECKING:
    from PySide6.QtGui import QTextBlock, QTextCharFormat, QTextList, QTextTable

FEATURES = QTextDocument.MarkdownFeature(
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub.value
    | QTextDocument.MarkdownFeature.MarkdownNoHTML.value
)
# md4c's MD_FLAG_HARD_SOFT_BREAKS, which Qt passes on and has no name for.
EACH_LINE = QTextDocument.MarkdownFeature(FEATURES.value | 0x8000)
LINE_BREAK = "\u2028"
EXPLICIT_BREAK = re.compile(r"(?: {2,}|(?<!\\)(?:\\\\)*\\)\n(?=[ \t]*\S)")
INSIGNIFICANT = re.compile(r"[\s\\]")
SAFE_SCHEMES = ("http", "https", "mailto")
QUOTE_LEVEL = QTextFormat.Property.BlockQuoteLevel.value
CODE_LANGUAGE = QTextFormat.Property.BlockCodeLanguage.value
RULER = QTextFormat.Property.BlockTrailingHorizontalRulerWidth.value
BOLD = 600


@dataclass(frozen=True)
class Run:
    """Text of one look."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    href: str = ""


@dataclass(frozen=True)
class ListPlace:
    """Which list a block is an item of."""

    key: int
    depth: int
    ordered: bool
    start: int


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, list item, quoted paragraph, code line or rule."""

    runs: tuple[Run, ...]
    heading: int = 0
    item: ListPlace | None = None
    indent: int = 0
    quote: int = 0
    code: bool = False
    language: str = ""
    rule: bool = False
    checked: bool | None = None

    @property
    def text(self) -> str:
        """The characters without their looks."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first row is the head."""

    rows: tuple[tuple[tuple[Run, ...], ...], ...]
    right: tuple[bool, ...]
    """Columns that stand at the right: told so, or numbers all the way down."""


def safe_link(href: str) -> bool:
    """The link may be opened: http, https or mailto."""
    return QUrl(href).scheme().lower() in SAFE_SCHEMES


def read(source: str) -> list[Block | Table]:
    """The blocks of some Markdown; a line that ends inside a block stays a line, as `LINE_BREAK`.

    Qt makes a space of such an end, or a block that looks like the next paragraph or list item. So the text is
    read in both ways, when it has such ends at all, and the lines are put into the blocks they belong to.
    """
    plain = EXPLICIT_BREAK.sub("\n", source)
    whole = _read(plain, FEATURES)
    if plain == source and not _has_breaks(source, whole):
        return whole
    joined = _with_lines(whole, _read(source, EACH_LINE))
    return _read(source, FEATURES) if joined is None else joined


def _has_breaks(source: str, whole: list[Block | Table]) -> bool:
    """More lines than blocks were written."""
    lines = sum(not line.isspace() for line in source.splitlines() if line)
    needed = sum(
        len(piece.rows) + 1 if isinstance(piece, Table) else bool(piece.text) or piece.rule for piece in whole
    )
    return lines > needed


def _with_lines(whole: list[Block | Table], lines: list[Block | Table]) -> list[Block | Table] | None:
    """The blocks of `whole` with the line ends of `lines`; None where the two do not agree."""
    rest = iter(lines)
    joined: list[Block | Table] = []
    for piece in whole:
        line = next(rest, None)
        if isinstance(piece, Table) or not isinstance(line, Block):
            if type(piece) is not type(line):
                return None
            joined.append(piece)
            continue
        runs, missing = line.runs, _weight(piece) - _weight(line)
        while missing > 0 and isinstance(line := next(rest, None), Block):
            runs = (*runs, Run(LINE_BREAK), *line.runs)
            missing -= _weight(line)
        if missing:
            return None
        joined.append(replace(piece, runs=runs))
    return joined


def _weight(block: Block) -> int:
    """Length of a block's text without what its line breaks can change."""
    return len(INSIGNIFICANT.sub("", block.text))


def _read(source: str, features: QTextDocument.MarkdownFeature) -> list[Block | Table]:
    document = QTextDocument()
    # The line break keeps a first line of dashes from being taken for front matter.
    document.setMarkdown("\n" + source, features)
    found: list[Block | Table] = []
    block = document.begin()
    while block.isValid():
        table: QTextTable | None = QTextCursor(block).currentTable()
        if table is not None:
            found.append(_table(table))
            block = document.findBlock(table.lastPosition()).next()
            continue
        read_block = _block(block)
        if read_block.text or read_block.rule or read_block.item or read_block.code:
            found.append(read_block)
        block = block.next()
    return found


def _block(block: QTextBlock) -> Block:
    shape = block.blockFormat()
    text_list: QTextList | None = block.textList()
    place: ListPlace | None = None
    checked: bool | None = None
    if text_list is not None:
        form = text_list.format()
        ordered = form.style() == QTextListFormat.Style.ListDecimal
        place = ListPlace(text_list.objectIndex(), form.indent(), ordered, form.start())
        marker = shape.marker()
        if marker is not shape.MarkerType.NoMarker:
            checked = marker is shape.MarkerType.Checked
    return Block(
        runs=_runs(block),
        heading=shape.headingLevel(),
        item=place,
        indent=shape.indent(),
        quote=shape.intProperty(QUOTE_LEVEL),
        code=shape.hasProperty(CODE_LANGUAGE),
        language=shape.stringProperty(CODE_LANGUAGE),
        rule=shape.hasProperty(RULER),
        checked=checked,
    )


def _runs(block: QTextBlock) -> tuple[Run, ...]:
    runs: list[Run] = []
    iterator = block.begin()
    while not iterator.atEnd():
        fragment = iterator.fragment()
        runs.append(_run(fragment.text(), fragment.charFormat()))
        iterator += 1  # type: ignore[operator, misc, assignment, unused-ignore]
    return tuple(runs)


def _run(text: str, look: QTextCharFormat) -> Run:
    href = look.anchorHref()
    if look.isImageFormat():
        # A picture in an answer is named and linked, never fetched.
        href = look.toImageFormat().name()
        text = href.rsplit("/", 1)[-1] or "image"
    return Run(
        text=text,
        bold=look.fontWeight() > 500,
        italic=look.fontItalic(),
        strike=look.fontStrikeOut(),
        code=look.fontFixedPitch(),
        href=href if href and safe_link(href) else "",
    )


def _table(table: QTextTable) -> Table:
    rows = tuple(
        tuple(
            tuple(_runs(table.cellAt(row, column).firstCursorPosition().block()))
            for column in range(table.columns())
        )
        for row in range(table.rows())
    )
    right = tuple(_stands_right(table, rows, column) for column in range(table.columns()))
    return Table(rows, right)


def _stands_right(table: QTextTable, rows: tuple[tuple[tuple[Run, ...], ...], ...], column: int) -> bool:
    if len(rows) < 2:
        return False
    cell = table.cellAt(1, column).firstCursorPosition().blockFormat().alignment()
    # Qt's reader gives 2 for right, 129 for the left that nothing was said about.
    if cell.value & 2:
        return True
    if column == 0:
        return False
    cells = ["".join(run.text for run in row[column]).strip() for row in rows[1:]]
    filled = [text for text in cells if text]
    return bool(filled) and all(text[0].isdigit() or text[:2].lstrip("-+−").isdigit() for text in filled)
