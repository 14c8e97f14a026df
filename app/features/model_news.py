"""Tells of models what happened out of the user's sight: downloads that ended, and notices with their choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.events import DownloadChanged, Notice, Snapshot
from backend_embedded.contract.library import Download, DownloadState
from ui.models.words import file_size, status_note
from ui.shell.values import Notification

if TYPE_CHECKING:
    from backend_embedded.contract.events import Event
    from ui.models.state import ModelsState

LACKING = "model-lacking:"
ENDED = (DownloadState.DONE, DownloadState.FAILED)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where the choices lead.

    Attributes:
        use_model: answer with a model from now on; gets the notice's id and the model's name.
        pull: fetch a model by its reference.
        open_settings: show the settings of the providers.
        show_model: show a model of this machine by name.
        show_downloads: show the downloads.
    """

    use_model: Callable[[str, str], object]
    pull: Callable[[str], object]
    open_settings: Callable[[], object]
    show_model: Callable[[str], object]
    show_downloads: Callable[[], object]


class ModelNews:
    """Makes notifications of events; each notice is told once.

    Args:
        notify: shows a notification; `seen` says that the user saw it happen.
        note: shows quiet words in the status bar.
        at_models: whether the models page is seen.
        ways: where the choices lead.
    """

    def __init__(
        self,
        notify: Callable[[Notification, bool], object],
        note: Callable[[str], object],
        at_models: Callable[[], bool],
        ways: Ways,
    ) -> None:
        self._notify, self._note, self._at_models, self._ways = notify, note, at_models, ways
        self._told: set[str] = set()
        self._ended: set[tuple[str, DownloadState]] = set()
        self._shown = ""

    def event_arrived(self, event: Event) -> None:
        """Tell what is news of it."""
        match event:
            case Notice():
                self._notice(event)
            case Snapshot():
                for notice in event.notices:
                    self._notice(notice)
                self._ended |= {(one.id, one.state) for one in event.downloads if one.state in ENDED}
            case DownloadChanged(removed=False):
                self._download(event.download)
            case _:
                pass

    def state_changed(self, state: ModelsState) -> None:
        """Show in the status bar what is being fetched."""
        words = status_note(state.active) if state.connected else ""
        if words != self._shown:
            self._shown = words
            self._note(words)

    def _notice(self, notice: Notice) -> None:
        if notice.id in self._told:
            return
        self._told.add(notice.id)
        made = [self._action(notice, action) for action in notice.actions]
        actions = tuple(action for action in made if action is not None)
        self._notify(Notification("off", notice.title, notice.message, actions), False)

    def _action(self, notice: Notice, action: str) -> tuple[str, Callable[[], object]] | None:
        kind, _, name = action.partition(":")
        match kind:
            case "use_model" if name:
                return f"Use {name}", lambda: self._ways.use_model(notice.id, name)
            case "pull" if name:
                return f"Get {name}", lambda: self._ways.pull(name)
            case "open_settings":
                return "Settings", self._ways.open_settings
            case _:
                return None

    def _download(self, download: Download) -> None:
        """An end is told once; one that goes on again may end again."""
        key = (download.id, download.state)
        if download.state not in ENDED:
            self._ended -= {(download.id, DownloadState.DONE), (download.id, DownloadState.FAILED)}
            return
        if key in self._ended:
            return
        self._ended.add(key)
        if download.state is DownloadState.DONE:
            show = ("Show model", lambda: self._ways.show_model(download.name))
            told = Notification("ok", f"{download.name} is ready", file_size(download.size_bytes), (show,))
        else:
            words = " ".join(part for part in (download.message, download.remedy) if part)
            show = ("Show download", self._ways.show_downloads)
            told = Notification("down", f"The download of {download.name} failed", words, (show,))
        self._notify(told, self._at_models())


def lacking_model(notice_id: str) -> str:
    """Name of the model that a notice says is not there; empty for other notices."""
    return notice_id.removeprefix(LACKING) if notice_id.startswith(LACKING) else ""
