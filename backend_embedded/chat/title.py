"""The title of a conversation, from its first question."""

from __future__ import annotations

LONGEST = 60


def title_from(content: str) -> str:
    """The first line with something in it, without Markdown's marks at its start, shortened between words."""
    lines = (line.strip().lstrip("#>*-").strip() for line in content.splitlines())
    line = next((line for line in lines if line), "New chat")
    line = " ".join(line.split())
    if len(line) <= LONGEST:
        return line
    cut = line[: LONGEST - 1]
    at_word, _, _ = cut.rpartition(" ")
    return (at_word if len(at_word) > LONGEST // 2 else cut).rstrip(" ,;:.") + "…"
