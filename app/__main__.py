"""Entry point: `sutazai`, and `python -m app`."""

from __future__ import annotations

import sys

from app.cli import run


def main() -> int:
    """Run the program with this process's arguments; returns the exit status."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
