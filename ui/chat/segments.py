"""Cuts streamed Markdown into finished pieces and an open tail; what it finds does not depend on the cuts
between deltas."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_TAIL = 4096
"""Characters after which a paragraph is committed although it has not ended (re-rendering is quadratic)."""

FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})[ \t]*([^`\n]*)$")
NESTED_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")
LIST_ITEM = re.compile(r"^ {0,3}([-*+]|\d{1,9}[.)])[ \t]")


@dataclass(frozen=True)
class Prose:
    """Finished Markdown without top-level fences."""

    source: str


@dataclass(frozen=True)
class FenceOpened:
    """A code block begins."""

    language: str


@dataclass(frozen=True)
class FenceText:
    """Some more code; a line break comes with the line after it."""

    text: str


@dataclass(frozen=True)
class FenceClosed:
    """The code block is complete."""


Segment = Prose | FenceOpened | FenceText | FenceClosed


class Segmenter:
    """Takes text as it comes and gives the finished segments; `tail` is the prose that may still change."""

    def __init__(self) -> None:
        self._prose = ""
        self._partial = ""
        self._blank_pending = False
        self._in_list = False
        self._nested = ""
        self._mid_line = False
        self._fence = ""
        self._fence_indent = 0
        self._fence_lines = 0
        self._line_shown = 0
        self._found: list[Segment] = []

    @property
    def tail(self) -> str:
        """Prose that is not finished; empty inside a fence."""
        return "" if self._fence else self._prose + self._partial

    @property
    def in_fence(self) -> bool:
        """A code block is open."""
        return bool(self._fence)

    def feed(self, text: str) -> list[Segment]:
        """The segments that this text finishes."""
        self._found = []
        lines = (self._partial + text.replace("\r\n", "\n")).split("\n")
        for line in lines[:-1]:
            self._complete_line(line)
        self._partial = lines[-1]
        if self._fence:
            self._show_partial_code()
        else:
            self._look_at_partial()
        return self._found

    def finish(self) -> list[Segment]:
        """The rest, when no more text comes."""
        self._found = []
        if self._fence:
            if not self._closes(self._partial):
                self._code_line(self._partial, last=True)
            self._found.append(FenceClosed())
            self._fence = ""
        else:
            if self._partial:
                self._complete_line(self._partial)
            if self.in_fence:
                self._found.append(FenceClosed())
                self._fence = ""
            self._commit()
        self._partial = ""
        return self._found

    def _complete_line(self, line: str) -> None:
        if self._fence:
            if self._closes(line):
                self._found.append(FenceClosed())
                self._fence = ""
            else:
                self._code_line(line)
            self._line_shown = 0
            return
        opening = None if self._mid_line or self._nested else FENCE.match(line)
        indented = line[:2].isspace() and len(line) > 1
        if opening and not (self._in_list and indented):
            self._commit()
            self._open_fence(opening)
            return
        self._boundary_before(line)
        self._add_line(line)

    def _open_fence(self, opening: re.Match[str]) -> None:
        self._fence = opening[2]
        self._fence_indent = len(opening[1])
        self._fence_lines = self._line_shown = 0
        self._found.append(FenceOpened(_language(opening[0])))

    def _boundary_before(self, line: str) -> None:
        if not self._blank_pending or not line.strip():
            return
        continues = self._nested or (self._in_list and line[:2].isspace() and len(line) > 1)
        if continues:
            self._blank_pending = False
        else:
            self._commit()

    def _add_line(self, line: str) -> None:
        if not line.strip():
            self._blank_pending = bool(self._prose.strip())
        elif not self._prose.strip():
            self._in_list = LIST_ITEM.match(line) is not None
        if self._in_list and not self._mid_line:
            self._track_nested(line)
        self._prose += line + "\n"
        self._cut_long(len(self._prose))
        self._mid_line = False

    def _track_nested(self, line: str) -> None:
        fence = NESTED_FENCE.match(line)
        if not fence:
            return
        if not self._nested:
            self._nested = fence[1]
        elif line.strip() == fence[1] and fence[1].startswith(self._nested):
            self._nested = ""

    def _look_at_partial(self) -> None:
        if not self._partial.strip() or NESTED_FENCE.match(self._partial):
            return
        starts = self._partial.lstrip()[0] in "`~"
        self._boundary_before(self._partial)
        if not starts or len(self._partial) > LONGEST_TAIL:
            self._prose, taken = self._prose + self._partial, len(self._partial)
            before = len(self._found)
            self._cut_long(len(self._prose))
            if len(self._found) == before:
                self._prose = self._prose[: len(self._prose) - taken]
            else:
                self._split_again()

    def _split_again(self) -> None:
        """Give the part after the last line break back to the partial line."""
        head, newline, rest = self._prose.rpartition("\n")
        self._prose, self._partial = head + newline, rest

    def _cut_long(self, length: int) -> None:
        while length > LONGEST_TAIL and not self._prose.lstrip().startswith("|") and not self._nested:
            window = self._prose[:LONGEST_TAIL]
            newline = window.rfind("\n")
            cut = newline + 1 or window.rfind(" ") + 1 or LONGEST_TAIL
            rest = self._prose[cut:]
            self._found.append(Prose(self._prose[:cut]))
            self._prose = rest
            self._mid_line = newline < 0
            self._in_list = newline >= 0 and LIST_ITEM.match(rest) is not None
            length = len(rest)

    def _commit(self) -> None:
        if self._prose.strip():
            self._found.append(Prose(self._prose))
        self._prose = ""
        self._blank_pending = self._in_list = self._mid_line = False
        self._nested = ""

    def _closes(self, line: str) -> bool:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip(" "))
        return indent <= 3 and stripped.startswith(self._fence) and not stripped.strip(self._fence[0])

    def _code_line(self, line: str, *, last: bool = False) -> None:
        if last and not line and self._fence_lines > 0 and not self._line_shown:
            return
        self._show_code(line)
        self._fence_lines += 1

    def _show_partial_code(self) -> None:
        stripped = self._partial.strip()
        could_close = not stripped.strip(self._fence[0])
        if self._partial and (not could_close or self._line_shown):
            self._show_code(self._partial)

    def _show_code(self, line: str) -> None:
        indent = min(self._fence_indent, len(line) - len(line.lstrip(" ")))
        shown = line[indent:]
        if self._line_shown == 0:
            start = "\n" if self._fence_lines else ""
            text = start + shown
            self._line_shown = 1
        else:
            text = shown[self._line_shown - 1 :]
        if text:
            self._found.append(FenceText(text))
        self._line_shown = 1 + len(shown)


def _language(line: str) -> str:
    words = line.strip().lstrip("`~").split()
    return words[0].strip("{}.").lower() if words else ""
