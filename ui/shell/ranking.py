"""Which actions a few typed letters mean: prefixes of words first, then subsequences, then what was used last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ui.shell.actions import Action

EXACT, WORD_PREFIXES, SUBSTRING, SUBSEQUENCE = range(4)


@dataclass(frozen=True, slots=True)
class Match:
    """How a title matches a query.

    Attributes:
        grade: smaller is better.
        spans: start and end of each matching part of the title.
    """

    grade: int
    spans: tuple[tuple[int, int], ...]


def match(query: str, title: str) -> Match | None:
    """How a title matches; None if it does not. Case does not count; an empty query matches all."""
    wanted, text = query.strip().casefold(), title.casefold()
    if not wanted:
        return Match(SUBSEQUENCE, ())
    if len(text) != len(title):  # a letter that folds to two: mark nothing rather than the wrong part
        return Match(SUBSTRING, ()) if wanted in text else None
    if text.startswith(wanted):
        return Match(EXACT, ((0, len(wanted)),))
    return _word_prefixes(wanted, text) or _substring(wanted, text) or _subsequence(wanted, text)


def _word_prefixes(wanted: str, text: str) -> Match | None:
    """Each word of the query begins a word of the title, in order."""
    spans: list[tuple[int, int]] = []
    place = 0
    for part in wanted.split():
        while True:
            place = text.find(part, place)
            if place < 0:
                return None
            if place == 0 or not text[place - 1].isalnum():
                break
            place += 1
        spans.append((place, place + len(part)))
        place += len(part)
    return Match(WORD_PREFIXES, tuple(spans))


def _substring(wanted: str, text: str) -> Match | None:
    place = text.find(wanted)
    return None if place < 0 else Match(SUBSTRING, ((place, place + len(wanted)),))


def _subsequence(wanted: str, text: str) -> Match | None:
    spans: list[tuple[int, int]] = []
    place = 0
    for letter in wanted.replace(" ", ""):
        found = text.find(letter, place)
        if found < 0:
            return None
        if spans and spans[-1][1] == found:
            spans[-1] = (spans[-1][0], found + 1)
        else:
            spans.append((found, found + 1))
        place = found + 1
    return Match(SUBSEQUENCE, tuple(spans))


def ranked(
    query: str, actions: Sequence[Action], recency: Callable[[str], int]
) -> list[tuple[Action, Match]]:
    """The actions that match, best first; equals keep their order."""
    found = [(action, hit) for action in actions if (hit := match(query, action.title)) is not None]
    return sorted(found, key=lambda pair: (pair[1].grade, recency(pair[0].id), len(pair[1].spans)))


def grouped(
    found: Sequence[tuple[Action, Match]], most: int = 8
) -> list[tuple[str, list[tuple[Action, Match]]]]:
    """The matches under their groups, groups in the order of their best match, `most` a group."""
    groups: dict[str, list[tuple[Action, Match]]] = {}
    for action, hit in found:
        groups.setdefault(action.group, []).append((action, hit))
    return [(group, members[:most]) for group, members in groups.items()]
