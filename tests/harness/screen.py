"""A virtual screen with a mouse and a keyboard: Xvfb, xdotool and the X screenshot of ImageMagick."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = ("Xvfb", "xdotool", "import", "convert")


def missing_tools() -> list[str]:
    """Names of the programs that a virtual screen needs and this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class Screen:
    """One X display, driven as a person does.

    Args:
        display: name of the display, for example `:7`.
    """

    def __init__(self, display: str) -> None:
        self.display = display

    def _xdotool(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words],
            env={**os.environ, "DISPLAY": self.display},
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout

    def window(self, title: str) -> str | None:
        """Id of the visible window whose title contains this; None if there is none."""
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", title],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.split()
        return found[-1] if found else None

    def windows(self) -> list[str]:
        """Ids of all visible windows of programs; a popup that is open is one of its own."""
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--class", "."],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=30,
        )
        return found.stdout.split()

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Move the pointer to a place of the screen and click."""
        self._xdotool("mousemove", str(x), str(y), "click", str(button))

    def type(self, text: str) -> None:
        """Type a text into whatever has the focus."""
        self._xdotool("type", "--delay", "12", text)

    def press(self, *keys: str) -> None:
        """Press keys or chords one after the other, in X names: `Return`, `ctrl+k`."""
        self._xdotool("key", "--delay", "30", *keys)

    def focus(self, window: str) -> None:
        """Give a window the keyboard (there is no window manager to do it)."""
        self._xdotool("windowfocus", "--sync", window)

    def resize(self, window: str, width: int, height: int) -> None:
        """Give a window a size, at the top left corner."""
        self._xdotool("windowmove", window, "0", "0", "windowsize", window, str(width), str(height))

    def shoot(self, file: Path) -> None:
        """Write what the screen shows to a PNG file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["import", "-window", "root", str(file)],
            env={**os.environ, "DISPLAY": self.display},
            check=True,
            timeout=30,
        )


@contextmanager
def virtual_screen(width: int = 1280, height: int = 800) -> Iterator[Screen]:
    """Start Xvfb on a free display for a while."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write_end),
            "-screen",
            "0",
            f"{width}x{height}x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as number:
            yield Screen(f":{number.readline().strip()}")
    finally:
        server.terminate()
        server.wait(10)
