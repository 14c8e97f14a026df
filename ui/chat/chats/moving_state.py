"""An export or import that is under way, and how it went, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.transfer import ExportFormat
from ui.chat import words

if TYPE_CHECKING:
    from backend_embedded.contract.transfer import ImportReport

MARKDOWN_LEAVES_OUT = "Left out: other branches, and the texts of attached files. JSON holds all."
BIN_LEFT_OUT = "Left out: deleted chats."


@dataclass(frozen=True)
class Move:
    """What goes on.

    Attributes:
        title: `Exporting all chats`.
        caption: how far it is.
    """

    title: str
    caption: str = ""


@dataclass(frozen=True)
class Outcome:
    """How it went.

    Attributes:
        title: `12 chats exported`.
        text: counts, and what was left out.
        path: the file that was written; empty for an import.
        complete: nothing was left out that was to be had.
    """

    title: str
    text: str
    path: str = ""
    complete: bool = True


def arriving(conversations: int, came_bytes: int) -> str:
    """`12 chats, 12.4 MB so far`."""
    return f"{words.counted(conversations, 'chat')}, {words.file_size(came_bytes)} so far"


def exported(path: str, size_bytes: int, form: ExportFormat, conversations: int | None) -> Outcome:
    """What an export wrote; `conversations` is None when it is one chat."""
    title = f"{words.counted(1 if conversations is None else conversations, 'chat')} exported"
    parts = [f"{words.file_size(size_bytes)}, {path}"]
    if form is ExportFormat.MARKDOWN:
        parts.append(MARKDOWN_LEAVES_OUT)
    if conversations is not None:
        parts.append(BIN_LEFT_OUT)
    return Outcome(title, "\n".join(parts), path)


def imported(report: ImportReport, name: str) -> Outcome:
    """What an import brought."""
    came = len(report.conversations)
    title = f"{words.counted(came, 'chat')} imported" if came else "Nothing new to import"
    parts = [f"{words.counted(report.messages, 'message')} from {name}"] if came else [name]
    if report.unchanged:
        be = "was" if report.unchanged == 1 else "were"
        parts.append(f"{words.counted(report.unchanged, 'chat')} {be} here already.")
    if report.skipped:
        parts.append(f"Left out: {', '.join(report.skipped)}.")
    return Outcome(title, "\n".join(parts), complete=not report.skipped)
