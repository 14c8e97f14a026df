"""Reads Markdown into plain blocks and runs of text; HTML stays text and nothing is ever loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QTextCursor, QTextDocument, QTextFormat, QTextListFormat

if TYPE_CHECKING:
    from PySide6.QtGui import QTextBlock, QTextCharFormat, QTextList, QTextTable

FEATURES = QTextDocument.MarkdownFeature(
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub.value
    | QTextDocument.MarkdownFeature.MarkdownNoHTML.value
)
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
    """The blocks of some Markdown."""
    document = QTextDocument()
    # The line break keeps a first line of dashes from being taken for front matter.
    document.setMarkdown("\n" + source, FEATURES)
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
        href=href if safe_link(href) else "",
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
