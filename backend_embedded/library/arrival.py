"""The last steps of a file that came: is it what it should be, is it a model, and its place in the folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from backend_embedded.errors import Conflict, DownloadFailed, ModelFileInvalid
from backend_embedded.llm.files.gguf import read_gguf
from backend_embedded.settings import write_whole

MARGIN_BYTES = 64 * 1024 * 1024
"""What is left free on the disk in any case."""


def model_file(folder: Path, name: str) -> Path:
    """Where the model of that name is or will be."""
    return folder / f"{name}.gguf"


def beside_file(model: Path) -> Path:
    """What is known of a model besides its file."""
    return model.with_name(model.name + ".json")


def check_free(folder: Path, needed_bytes: int, name: str) -> None:
    """Refuse what does not fit on the disk.

    Raises:
        DownloadFailed: with the sizes.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes + MARGIN_BYTES > free:
        raise DownloadFailed(
            f"{name} needs {needed_bytes / 1e6:.0f} MB more on the disk; {free / 1e6:.0f} MB are free.",
            remedy="Free some space, or choose another models folder in the settings.",
            needed_bytes=needed_bytes,
            free_bytes=free,
        )


def check_new(folder: Path, name: str) -> None:
    """Refuse a name that is taken.

    Raises:
        Conflict: there is such a model.
    """
    if model_file(folder, name).exists():
        raise Conflict(
            f"There is a model named {name} already.", remedy="Remove it first, or give another name."
        )


def arrive(part: Path, folder: Path, name: str, sha256: str, wanted: str, beside: dict[str, str]) -> Path:
    """Check a whole `.part` file and make it a model of the folder; a bad file is removed.

    Raises:
        DownloadFailed: its sha256 is not the one that was told.
        ModelFileInvalid: it is no GGUF model.
        Conflict: the name was taken meanwhile.
    """
    if wanted and sha256 != wanted:
        part.unlink(missing_ok=True)
        raise DownloadFailed(
            f"{name} was damaged on its way: its sha256 is {sha256[:12]}…, it should be {wanted[:12]}…. "
            "The bad file was removed.",
            remedy="Resume to fetch it again; if that fails too, the source itself is bad.",
        )
    try:
        read_gguf(part)
    except ModelFileInvalid as error:
        part.unlink(missing_ok=True)
        raise ModelFileInvalid(
            f"What came for {name} is no model that can be used: it {_what(error, part)} It was removed.",
            remedy="Take another source.",
        ) from error
    check_new(folder, name)
    target = model_file(folder, name)
    if beside:
        write_whole(beside_file(target), json.dumps(beside, indent=1, ensure_ascii=False))
    part.replace(target)
    _sync_folder(folder)
    return target


def _what(error: ModelFileInvalid, part: Path) -> str:
    return error.message.removeprefix(f"{part} ")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
