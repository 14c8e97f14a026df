"""Marks in an answer's text the places where another provider went on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ui.chat import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend_embedded.contract.conversations import Seam

MARK = "\u001e"
SEAM = re.compile(f"{MARK}([^{MARK}]*){MARK}")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
HELD_TOGETHER = re.compile(r"^\s*(\||>|[-*+]\s|\d{1,9}[.)]\s)")


def seam_words(seam: Seam) -> str:
    """`From here on: llama.cpp · tinyllama — Ollama was lost`."""
    who = words.SEPARATOR.join(part for part in (words.product(seam.provider), seam.model) if part)
    return f"From here on: {who}" + (f" — {seam.reason}" if seam.reason else "")


def with_seams(text: str, seams: Sequence[Seam]) -> str:
    """The Markdown with a marked paragraph at each seam; code, lists and tables are not torn."""
    pieces: list[str] = []
    begin = 0
    for seam in sorted(seams, key=lambda one: one.offset):
        place = max(begin, place_of(text, min(seam.offset, len(text))))
        said = seam_words(seam).replace(MARK, "").replace("\n", " ")
        pieces += [text[begin:place], f"\n\n{MARK}{said}{MARK}\n\n"]
        begin = place
    return "".join(pieces) + text[begin:]


def place_of(text: str, offset: int) -> int:
    """Where the mark of a seam at this offset can stand."""
    fence, at = "", 0
    for line in text[:offset].splitlines(keepends=True):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence):
            fence = ""
        at += len(line)
    if fence:
        close = re.compile(rf"^ {{0,3}}{re.escape(fence)}.*$", re.MULTILINE).search(text, offset)
        return close.end() if close else len(text)
    line_start = text.rfind("\n", 0, offset) + 1
    if HELD_TOGETHER.match(text[line_start:]):
        end = text.find("\n\n", offset)
        return end if end >= 0 else len(text)
    return offset
