"""Tells the thinking of a model, between `<think>` and `</think>` at its answer's beginning, from the answer."""

from __future__ import annotations

OPENING, CLOSING = "<think>", "</think>"


class ThinkingSplitter:
    """Splits the text of one answer, however it is cut into pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._phase = "start"

    def feed(self, text: str) -> tuple[str, str]:
        """Thinking and answer that are sure after this piece."""
        if self._phase == "answer":
            return "", text
        self._held += text
        if self._phase == "start" and not self._begin():
            return "", ""
        if self._phase == "opened":
            self._held = self._held.lstrip("\n")
            self._phase = "thinking" if self._held else "opened"
        if self._phase == "thinking":
            return self._think()
        if self._phase == "opened":
            return "", ""
        if self._phase == "gap":
            return "", self._after_gap()
        rest, self._held = self._held, ""
        return "", rest

    def finish(self) -> tuple[str, str]:
        """The rest of both at the end of the answer."""
        rest, self._held = self._held, ""
        if self._phase == "thinking":
            return rest, ""
        return "", "" if self._phase == "gap" else rest

    def _begin(self) -> bool:
        """Whether it is known how the answer begins."""
        begun = self._held.lstrip()
        if begun.startswith(OPENING):
            self._phase, self._held = "opened", begun.removeprefix(OPENING)
        elif OPENING.startswith(begun):
            return False
        else:
            self._phase = "answer"
        return True

    def _think(self) -> tuple[str, str]:
        thinking, closed, rest = self._held.partition(CLOSING)
        if closed:
            self._phase, self._held = "gap", rest
            return thinking, self._after_gap()
        keep = next((n for n in range(len(CLOSING) - 1, 0, -1) if thinking.endswith(CLOSING[:n])), 0)
        self._held = thinking[len(thinking) - keep :]
        return thinking[: len(thinking) - keep], ""

    def _after_gap(self) -> str:
        """The answer's first text: the empty lines after the thinking are no part of it."""
        text, self._held = self._held.lstrip(), ""
        if text:
            self._phase = "answer"
        return text
