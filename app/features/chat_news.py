"""Notifications of what happens to chats outside the conversation that is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ui.chat.chats.moving_state import Outcome
from ui.shell.values import Notification


def of_outcome(outcome: Outcome, open_folder: Callable[[Path], object]) -> Notification:
    """What came of an export or import; a file that was written can be shown in its folder."""
    state = "ok" if outcome.complete else "degraded"
    file = Path(outcome.path)
    actions = (("Show in folder", lambda: open_folder(file.parent)),) if outcome.path else ()
    return Notification(state, outcome.title, outcome.text, actions)
