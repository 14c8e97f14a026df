"""Sizes, rates, states and downloads of models as people read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_embedded.contract.library import DownloadState
from backend_embedded.contract.models import ModelSource
from ui.models.state import share_of

if TYPE_CHECKING:
    from backend_embedded.contract.library import CatalogueEntry, Download
    from backend_embedded.contract.models import Model

UNKNOWN = "–"
MAY_BREAK = "\u200b"
SHORT = 24
MARKS = re.compile(r"[/_.:-]")
LONG = re.compile(r"[^\u200b]{20}(?=[^\u200b])")
SEPARATOR = " · "
SOURCES = {
    ModelSource.STARTER: "On board",
    ModelSource.FOLDER: "Models folder",
    ModelSource.OLLAMA_STORE: "Ollama store, used in place",
    ModelSource.OLLAMA: "Ollama server",
}
SHORT_SOURCES = SOURCES | {ModelSource.OLLAMA_STORE: "Ollama store"}


SHORT_STATES = {
    DownloadState.QUEUED: "Waiting",
    DownloadState.RUNNING: "Fetching",
    DownloadState.PAUSED: "Paused",
    DownloadState.VERIFYING: "Checking",
    DownloadState.DONE: "On this machine",
    DownloadState.FAILED: "Failed",
}


def three_digits(number: float) -> str:
    """Three significant digits: `1.79`, `98.2`, `638`."""
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:,.{digits}f}"


def file_size(size_bytes: float) -> str:
    """A file's size in decimal units: `98.2 MB`, `1.79 GB`; `–` while unknown."""
    if size_bytes <= 0:
        return UNKNOWN
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= 0.9995 * step:
            return f"{three_digits(size_bytes / step)} {unit}"
    return f"{max(1, round(size_bytes / 1e3))} kB"


def memory(size_bytes: int) -> str:
    """Memory in binary units: `0.92 GiB`, `512 MiB`; `–` while unknown."""
    if size_bytes <= 0:
        return UNKNOWN
    if size_bytes >= 2**30:
        return f"{three_digits(size_bytes / 2**30)} GiB"
    return f"{max(1, round(size_bytes / 2**20))} MiB"


def rate(tokens_per_s: float) -> str:
    """`38.2 tok/s`; `–` while it was not measured."""
    return f"{three_digits(tokens_per_s)} tok/s" if tokens_per_s > 0 else UNKNOWN


def tokens(count: int) -> str:
    """`2,048`; `–` while unknown."""
    return f"{count:,}" if count else UNKNOWN


def parameters(count: int) -> str:
    """`1.10 B`, `135 M`; `–` while unknown."""
    if count <= 0:
        return UNKNOWN
    return f"{three_digits(count / 1e9)} B" if count >= 1e9 else f"{round(count / 1e6)} M"


def duration(seconds: float) -> str:
    """`11 s`, `1 min 52 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def breakable(text: str) -> str:
    """A path or a name with places to break it when it is long: after each mark, and where there is none."""
    if len(text) <= SHORT:
        return text
    marked = MARKS.sub(rf"\g<0>{MAY_BREAK}", text)
    return LONG.sub(rf"\g<0>{MAY_BREAK}", marked)


def counted(number: int, noun: str) -> str:
    """`1 model`, `3 models`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def state_of_model(model: Model, busy: str = "") -> tuple[str, str]:
    """Glyph and word of a model's state."""
    if busy:
        return "busy", busy
    if model.problem:
        return "down", "Cannot be used"
    return ("ok", "Loaded") if model.loaded else ("off", "Not loaded")


def marks_of(model: Model) -> tuple[str, ...]:
    """What is special about a model, a word each."""
    marks = (
        ("Default", model.default),
        ("Pinned", model.pinned),
        ("Tools", model.tools),
        ("Embeddings", model.embeds),
    )
    return tuple(word for word, holds in marks if holds)


def line_of_model(model: Model) -> str:
    """Second line of a model's row: `Q4_0 · Apache-2.0 · Models folder`, or why it cannot be used."""
    if model.problem:
        return model.problem
    parts = (model.quantization, model.license or "Licence unknown", SHORT_SOURCES[model.source])
    return SEPARATOR.join(part for part in parts if part)


def line_of_entry(entry: CatalogueEntry) -> str:
    """Facts of a row of the catalogue."""
    size = f"{parameters(entry.parameters)} parameters" if entry.parameters else ""
    context = f"{entry.context_length:,} tokens" if entry.context_length else ""
    needs = f"{memory(entry.memory_bytes)} memory" if entry.memory_bytes else ""
    parts = (entry.license, size, entry.quantization, context, needs)
    # a number is not parted from its unit where the line breaks
    return SEPARATOR.join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)


def percent(download: Download) -> str:
    """`62 %`; empty while the size is unknown."""
    share = share_of(download)
    return "" if share is None else f"{int(share * 100)} %"


def amount(download: Download) -> str:
    """`412 of 638 MB`, both in the unit of the whole."""
    if not download.size_bytes:
        return file_size(download.done_bytes) if download.done_bytes else ""
    unit, step = ("GB", 1e9) if download.size_bytes >= 0.9995e9 else ("MB", 1e6)
    done = three_digits(download.done_bytes / step)
    return f"{done} of {three_digits(download.size_bytes / step)} {unit}"


def short_progress(download: Download) -> str:
    """What a download is doing, in two words: `Fetching 62 %`."""
    word = SHORT_STATES[download.state]
    return word if download.state is DownloadState.VERIFYING else f"{word} {percent(download)}".rstrip()


def progress_of(download: Download) -> str:
    """What a download is doing: `412 of 638 MB, 21.4 MB/s, 11 s left`."""
    match download.state:
        case DownloadState.QUEUED:
            return download.message or "Waiting for its turn"
        case DownloadState.RUNNING:
            return running_words(download)
        case DownloadState.PAUSED:
            at = percent(download) or file_size(download.done_bytes)
            return f"Paused at {at}, {amount(download)}" if percent(download) else f"Paused at {at}"
        case DownloadState.VERIFYING:
            return f"Checking {file_size(download.size_bytes)} against its checksum"
        case DownloadState.DONE:
            return f"{file_size(download.size_bytes or download.done_bytes)}, checked. On this machine."
        case DownloadState.FAILED:
            return f"{file_size(download.done_bytes)} are kept." if download.done_bytes else ""


def running_words(download: Download) -> str:
    """Amount, speed, remaining time, and what it waits for."""
    speed = f"{file_size(download.bytes_per_s)}/s" if download.bytes_per_s > 0 else ""
    left = f"{duration(download.remaining_s)} left" if download.remaining_s is not None else ""
    parts = (amount(download), speed, left, download.message)
    return ", ".join(part for part in parts if part) or "Connecting"


def status_note(downloads: tuple[Download, ...]) -> str:
    """What the status bar says of downloads: `1 download, 62 %`; empty for none."""
    if not downloads:
        return ""
    whole = sum(one.size_bytes for one in downloads)
    if not whole or any(not one.size_bytes for one in downloads):
        return counted(len(downloads), "download")
    done = sum(one.done_bytes for one in downloads)
    return f"{counted(len(downloads), 'download')}, {int(100 * done / whole)} %"
