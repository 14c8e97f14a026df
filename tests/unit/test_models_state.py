from __future__ import annotations

from dataclasses import replace

import library_content as library
import pytest

from backend_embedded.contract.library import DownloadState
from ui.models import words
from ui.models.state import Kind, ModelsState, share_of

STATE = ModelsState(connected=True, models=library.MODELS, catalogue=library.CATALOGUE)


def test_loaded_models_come_first_and_broken_ones_last() -> None:
    names = [model.title for model in STATE.shown_models]
    assert names[0] == library.TINY.title
    assert names[-1] == library.content.BROKEN.title


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ("tiny", ["TinyLlama 1.1B Chat"]),
        ("q4_k_m apache qwen", ["Qwen2.5 0.5B Instruct"]),
        ("ollama", ["gpt-oss 20B"]),
        ("zephyr", []),
    ],
)
def test_the_search_takes_all_words(wanted: str, titles: list[str]) -> None:
    assert [model.title for model in replace(STATE, wanted=wanted).shown_models] == titles


@pytest.mark.parametrize(("kind", "count"), [("all", 8), ("chat", 6), ("tools", 3), ("embeds", 2)])
def test_kinds_of_the_catalogue(kind: Kind, count: int) -> None:
    assert len(replace(STATE, kind=kind).shown_catalogue) == count


def test_an_installed_entry_is_on_the_disk() -> None:
    assert STATE.on_disk("tinyllama")
    assert not STATE.on_disk("gemma2:2b")


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "–"),
        (400, "1 kB"),
        (98_200_000, "98.2 MB"),
        (637_700_000, "638 MB"),
        (999_900_000, "1.00 GB"),
        (13_780_173_839, "13.8 GB"),
    ],
)
def test_sizes_of_files(size_bytes: int, said: str) -> None:
    assert words.file_size(size_bytes) == said


def test_memory_is_binary() -> None:
    assert [words.memory(size) for size in (0, 262_000_000, 2**30, 13 * 2**30)] == [
        "–",
        "250 MiB",
        "1.00 GiB",
        "13.0 GiB",
    ]


def test_a_missing_figure_is_not_zero() -> None:
    assert words.rate(0) == words.parameters(0) == words.tokens(0) == "–"
    assert (words.rate(38.2), words.parameters(1_100_000_000), words.tokens(2048)) == (
        "38.2 tok/s",
        "1.10 B",
        "2,048",
    )


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        (DownloadState.QUEUED, {}, "Waiting for its turn"),
        (DownloadState.RUNNING, {"bytes_per_s": 21_400_000.0}, "412 of 638 MB, 21.4 MB/s"),
        (
            DownloadState.RUNNING,
            {"bytes_per_s": 21_400_000.0, "remaining_s": 11.2},
            "412 of 638 MB, 21.4 MB/s, 11 s left",
        ),
        (DownloadState.RUNNING, {"size_bytes": 0}, "412 MB"),
        (DownloadState.RUNNING, {"size_bytes": 0, "done_bytes": 0}, "Connecting"),
        (DownloadState.PAUSED, {}, "Paused at 64 %, 412 of 638 MB"),
        (DownloadState.VERIFYING, {}, "Checking 638 MB against its checksum"),
        (DownloadState.FAILED, {}, "412 MB are kept."),
        (DownloadState.DONE, {}, "638 MB, checked. On this machine."),
    ],
)
def test_downloads_in_words(state: DownloadState, fields: dict[str, object], said: str) -> None:
    download = library.download("tinyllama", state, 412, 638).model_copy(update=fields)
    assert words.progress_of(download) == said


def test_the_share_is_never_more_than_all() -> None:
    download = library.download("tinyllama", DownloadState.RUNNING, 700, 638)
    assert share_of(download) == 1.0
    assert share_of(download.model_copy(update={"size_bytes": 0})) is None


def test_the_status_bar_counts_what_is_under_way() -> None:
    active = replace(STATE, downloads=library.DOWNLOADS).active
    assert words.status_note(()) == ""
    assert words.status_note(active) == "2 downloads, 70 %"
    assert words.status_note((active[0].model_copy(update={"size_bytes": 0}),)) == "1 download"


def test_a_long_name_can_be_broken_everywhere_and_loses_nothing() -> None:
    shown = words.breakable(library.STORED.path)
    assert max(len(part) for part in shown.split(words.MAY_BREAK)) <= 21
    assert shown.replace(words.MAY_BREAK, "") == library.STORED.path
