"""What a feature is to the window, and what the window is to a feature."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.main_window import MainWindow
from app.paths import HomePaths
from app.preferences import PreferenceStore
from backend_embedded.contract.events import Event
from ui.client.backend import BackendClient


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every feature is given.

    Attributes:
        thread: does what touches files.
        show_log: shows the last lines of the backend's log.
    """

    window: MainWindow
    client: BackendClient
    paths: HomePaths
    preferences: PreferenceStore
    thread: ThreadPoolExecutor
    show_log: Callable[[], None]


class Feature(Protocol):
    """One page of the window with all that belongs to it."""

    @property
    def key(self) -> str:
        """The page's key in the shell."""
        ...

    def page(self) -> QWidget:
        """Make the page; called once, when it is shown for the first time."""
        ...

    def event_arrived(self, event: Event) -> None:
        """The backend told something."""
        ...

    def connection_changed(self, is_open: bool) -> None:
        """The event stream was opened or lost."""
        ...

    async def close(self) -> None:
        """Save what is not saved, and end every task."""
        ...


def open_folder(folder: Path) -> None:
    """Show a folder in the desktop's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
