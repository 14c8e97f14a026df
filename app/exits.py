"""How the program ends: its exit statuses, and the one line that says why and what to do."""

from __future__ import annotations

import signal
import sys

FAILURE = 1
USAGE_ERROR = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def complain(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"sutazai: {' '.join(text.split())}\n")
