from __future__ import annotations

from dataclasses import replace

import library_content as library
from scripted_backend import ScriptedBackend

from app.features.model_news import ModelNews, Ways, lacking_model
from backend_embedded.contract.events import DownloadChanged, Notice
from backend_embedded.contract.library import DownloadState
from ui.models.state import ModelsState
from ui.shell.values import Notification

LACKING = Notice(
    id="model-lacking:gpt-oss",
    title="Ollama has no model named gpt-oss",
    message="TinyLlama is used instead.",
    actions=("use_model:tinyllama:1.1b", "pull:gpt-oss", "open_settings", "dance"),
)


class Room:
    """What the news reach, and what their choices did."""

    def __init__(self) -> None:
        self.told: list[tuple[Notification, bool]] = []
        self.notes: list[str] = []
        self.done: list[tuple[str, ...]] = []
        self.at_models = False
        ways = Ways(
            lambda notice, name: self.done.append(("use", notice, name)),
            lambda reference: self.done.append(("pull", reference)),
            lambda: self.done.append(("settings",)),
            lambda name: self.done.append(("show", name)),
            lambda: self.done.append(("downloads",)),
        )
        self.news = ModelNews(
            lambda told, seen: self.told.append((told, seen)), self.notes.append, lambda: self.at_models, ways
        )

    def choose(self, words: str) -> None:
        dict(self.told[-1][0].actions)[words]()


def test_a_notice_is_told_once_with_its_choices() -> None:
    room = Room()
    room.news.event_arrived(LACKING)
    room.news.event_arrived(LACKING)
    assert len(room.told) == 1
    assert [words for words, _ in room.told[0][0].actions] == [
        "Use tinyllama:1.1b",
        "Get gpt-oss",
        "Settings",
    ]
    for words in ("Use tinyllama:1.1b", "Get gpt-oss", "Settings"):
        room.choose(words)
    assert room.done == [
        ("use", "model-lacking:gpt-oss", "tinyllama:1.1b"),
        ("pull", "gpt-oss"),
        ("settings",),
    ]


def test_a_notice_names_the_model_that_is_lacking() -> None:
    assert lacking_model(LACKING.id) == "gpt-oss"
    assert lacking_model("something else") == ""


def test_the_end_of_a_download_is_told_once_and_only_kept_where_it_was_seen() -> None:
    room = Room()
    done = library.download("gemma2:2b", DownloadState.DONE, 1, 1)
    room.news.event_arrived(DownloadChanged(download=done))
    room.news.event_arrived(DownloadChanged(download=done))
    assert [(told.title, seen) for told, seen in room.told] == [("gemma2:2b is ready", False)]
    room.choose("Show model")
    room.at_models = True
    failed = library.DOWNLOADS[2]
    room.news.event_arrived(DownloadChanged(download=failed))
    assert room.told[-1][0].state == "down"
    assert room.told[-1][1] is True
    room.choose("Show download")
    assert room.done == [("show", "gemma2:2b"), ("downloads",)]


def test_a_download_that_failed_again_is_told_again() -> None:
    room = Room()
    failed = library.DOWNLOADS[2]
    for state in (DownloadState.FAILED, DownloadState.RUNNING, DownloadState.FAILED):
        room.news.event_arrived(DownloadChanged(download=failed.model_copy(update={"state": state})))
    assert len(room.told) == 2


def test_a_window_that_comes_later_is_told_what_still_holds() -> None:
    room, backend = Room(), ScriptedBackend()
    backend.put((library.DOWNLOADS[2],))
    snapshot = backend.snapshot().model_copy(update={"notices": (LACKING,)})
    room.news.event_arrived(snapshot)
    room.news.event_arrived(snapshot)
    room.news.event_arrived(DownloadChanged(download=library.DOWNLOADS[2]))
    assert [told.title for told, _ in room.told] == [LACKING.title]


def test_a_removed_download_is_no_news() -> None:
    room = Room()
    room.news.event_arrived(DownloadChanged(download=library.DOWNLOADS[2], removed=True))
    assert room.told == []


def test_the_note_changes_only_with_its_words() -> None:
    room = Room()
    state = ModelsState(connected=True, downloads=library.DOWNLOADS)
    room.news.state_changed(state)
    room.news.state_changed(replace(state, wanted="x"))
    room.news.state_changed(ModelsState())
    assert room.notes == ["2 downloads, 70 %", ""]
