"""The desktop process: one for a home, painted first, ended in order."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Mapping

from app.exits import FAILURE, complain
from app.paths import HomePaths
from app.single_instance import ask_to_raise, claim
from app.start_trace import StartTrace


def run_desktop(paths: HomePaths) -> int:
    """Show the window of a home until it is closed; returns the exit status."""
    trace = StartTrace(os.environ)
    if not _can_show(os.environ):
        complain(
            "There is no display for the window. Log in on a desktop or use xvfb-run; the commands work without."
        )
        return FAILURE
    try:
        first = claim(paths.run)
    except OSError as error:
        complain(f"{paths.run}: {error.strerror}. Choose another folder with --home DIR.")
        return FAILURE
    if first is None:
        if ask_to_raise(paths.run):
            return 0
        complain("The program runs already but does not answer. End its process, then start again.")
        return FAILURE
    try:
        with (paths.state / "desktop-crash.log").open("a", encoding="utf-8") as crash_log:
            faulthandler.enable(crash_log)
            try:
                # asyncio before Qt, whose import hook makes every later import dearer
                import asyncio  # noqa: F401

                from app.window_life import show_window

                return show_window(paths, first, trace)
            finally:
                faulthandler.disable()
    finally:
        first.close()
        sys.stdout.flush()


def _can_show(environment: Mapping[str, str]) -> bool:
    """Whether there is a screen; without one Qt ends the process in the middle."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return not sys.platform.startswith("linux") or any(environment.get(name) for name in names)
