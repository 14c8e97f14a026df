"""The backend as a process: configuration from stdin, one line on stdout, serves until it is told to leave."""

from __future__ import annotations

import gc
import sys

from backend_embedded.launching import CannotStart, die_with_parent, only_one, read_launch, say


def main() -> int:
    """Serve one home; the exit status."""
    die_with_parent()
    try:
        launch = read_launch()
        # In the foreground the parent may be a shell that is closed while this goes on.
        die_with_parent(launch.leave_at_eof)
        with only_one(launch.paths):
            # After the lock: a second start is refused before anything big is imported. What is imported
            # stays, so collecting meanwhile would only take time (a sixth of it); `run` turns it on again.
            gc.disable()
            from backend_embedded.run import run

            return run(launch)
    except CannotStart as error:
        say(error.refused)
        return 1


if __name__ == "__main__":
    sys.exit(main())
