"""What the overview page puts into the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.shell.actions import Action

if TYPE_CHECKING:
    from ui.overview.page import OverviewPage

PAGE = "overview"


def overview_actions(page: OverviewPage) -> tuple[Action, ...]:
    """The page's own actions."""
    read = Action(
        id="overview.read",
        title="Read the overview again",
        run=page.read,
        group="Overview",
        icon="refresh-cw",
        shortcut="F5",
        page=PAGE,
        enabled=page.refresh.isEnabled,
    )
    return (read,)
