"""What is looked for and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend_embedded.contract.conversations import SearchHit

BEGIN, END = "\u0002", "\u0003"


@dataclass(frozen=True)
class Found:
    """One search.

    Attributes:
        query: what is looked for; empty: nothing.
        hits: the best first over all, in the order of the conversation within one.
        place: which hit is shown, within one conversation.
        busy: the answer is on its way.
    """

    query: str = ""
    hits: tuple[SearchHit, ...] = ()
    place: int = -1
    busy: bool = False

    @property
    def words(self) -> str:
        """`2 of 9`, or that there is nothing."""
        if not self.query.strip():
            return ""
        if self.busy and not self.hits:
            return "Searching"
        if not self.hits:
            return "Nothing found"
        return f"{self.place + 1} of {len(self.hits)}" if self.place >= 0 else f"{len(self.hits)} found"


def marked(snippet: str) -> tuple[tuple[str, bool], ...]:
    """The excerpt in runs, each with whether it is a match."""
    runs: list[tuple[str, bool]] = []
    for number, piece in enumerate(snippet.replace("\n", " ").split(BEGIN)):
        match, bar, rest = piece.partition(END)
        if number == 0 or not bar:
            runs.append((piece.replace(END, ""), False))
            continue
        runs += [(match, True), (rest, False)]
    return tuple(run for run in runs if run[0])


def plain(snippet: str) -> str:
    """The excerpt without its marks."""
    return snippet.replace(BEGIN, "").replace(END, "")
