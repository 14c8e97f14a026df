"""Where the column of messages stands in a view."""

from __future__ import annotations

COLUMN = 720
MARGIN = 24


def column_width(available: int) -> int:
    """Width of the message column in a view of that width."""
    return min(COLUMN, max(200, available - 2 * MARGIN))


def column_left(available: int) -> int:
    """Left edge of the message column, so that it is centred without regard to the scroll bar."""
    return max(0, (available - column_width(available)) // 2)
