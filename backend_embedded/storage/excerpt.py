"""The part of a text that shows what matched, marked as SQLite's `snippet` does."""

from __future__ import annotations

import re
import unicodedata

from backend_embedded.storage.found import EXCERPT_WORDS, FIRST, LAST, Query

WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")


def excerpt(text: str, query: Query) -> str:
    """The words around the place where most of the query stands, matches between the two marks."""
    words = list(WORD.finditer(text))
    hit = _hits([_plain(word.group()) for word in words], query)
    start = _densest(hit)
    shown = words[start : start + EXCERPT_WORDS]
    if not shown:
        return ""
    first = 0 if start == 0 else shown[0].start()
    last = len(text) if start + EXCERPT_WORDS >= len(words) else shown[-1].end()
    pieces, at = ["" if first == 0 else "…"], first
    for number, word in enumerate(shown, start):
        pieces.append(text[at : word.start()])
        before = number > start and hit[number - 1] == hit[number] and hit[number]
        after = number + 1 < start + len(shown) and hit[number + 1] == hit[number] and hit[number]
        marked = word.group()
        if hit[number]:
            marked = ("" if before else FIRST) + marked + ("" if after else LAST)
        pieces.append(marked)
        at = word.end()
    pieces.append(text[at:last])
    return "".join(pieces) + ("" if last == len(text) else "…")


def _hits(words: list[str], query: Query) -> list[int]:
    """For each word the number of the match it is in, or 0: words of one phrase share theirs."""
    hit, matches = [0] * len(words), 0
    for place, part in enumerate(query.parts):
        wanted = [_plain(word.group()) for word in WORD.finditer(part)]
        goes_on = query.goes_on and place == len(query.parts) - 1
        if not wanted:
            continue
        for start in range(len(words) - len(wanted) + 1):
            there = words[start : start + len(wanted)]
            last = there[-1].startswith(wanted[-1]) if goes_on else there[-1] == wanted[-1]
            if last and there[:-1] == wanted[:-1] and not any(hit[start : start + len(wanted)]):
                matches += 1
                hit[start : start + len(wanted)] = [matches] * len(wanted)
    return hit


def _densest(hit: list[int]) -> int:
    """The first word of the window that shows most matches."""
    most, best = 0, 0
    in_window = sum(1 for one in hit[:EXCERPT_WORDS] if one)
    most = in_window
    for start in range(1, len(hit) - EXCERPT_WORDS + 1):
        in_window += bool(hit[start + EXCERPT_WORDS - 1]) - bool(hit[start - 1])
        if in_window > most:
            most, best = in_window, start
    return best


def _plain(word: str) -> str:
    split = unicodedata.normalize("NFD", word.lower())
    return "".join(letter for letter in split if not unicodedata.combining(letter))
