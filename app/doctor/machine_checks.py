"""Checks of the machine: home folder, disk, memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

from app.doctor.check import DEGRADED, DOWN, OK, Finding
from app.paths import HomePaths

LOW_DISK_BYTES = 2_000_000_000
NO_DISK_BYTES = 200_000_000
LOW_MEMORY_BYTES = 800_000_000
NO_MEMORY_BYTES = 300_000_000


def gigabytes(size_bytes: float) -> str:
    """A size for people."""
    return f"{size_bytes / 1e9:.1f} GB"


def nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))


def home(paths: HomePaths) -> Finding:
    """Whether the folders of this instance can be written."""
    for folder in paths.folders():
        place = nearest_existing(folder)
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            return Finding(
                "home",
                DOWN,
                f"{place} cannot be written: {error.strerror}.",
                "Give yourself the right to write there, or choose another folder with --home DIR.",
            )
    return Finding("home", OK, f"Data in {paths.data}, settings in {paths.config}.")


def disk(paths: HomePaths) -> Finding:
    """Whether there is room for models and conversations."""
    place = nearest_existing(paths.models)
    free = shutil.disk_usage(place).free
    if free < NO_DISK_BYTES:
        return Finding(
            "disk", DOWN, f"Only {gigabytes(free)} are free at {place}.", "Make room on this disk."
        )
    if free < LOW_DISK_BYTES:
        meaning = f"{gigabytes(free)} are free at {place}: too little for another model."
        return Finding("disk", DEGRADED, meaning, "Make room, or choose another models folder in Settings.")
    return Finding("disk", OK, f"{gigabytes(free)} are free at {place}.")


def memory() -> Finding:
    """Whether there is memory for a model."""
    free = _free_memory_bytes()
    if free < NO_MEMORY_BYTES:
        return Finding("memory", DOWN, f"Only {gigabytes(free)} of memory are free.", "Close other programs.")
    if free < LOW_MEMORY_BYTES:
        meaning = f"{gigabytes(free)} of memory are free: enough for the smallest models only."
        return Finding("memory", DEGRADED, meaning, "Close other programs before larger models are loaded.")
    return Finding("memory", OK, f"{gigabytes(free)} of memory are free.")


def _free_memory_bytes() -> int:
    return int(psutil.virtual_memory().available)


def token_file(paths: HomePaths) -> Finding:
    """Whether the token of a running backend is readable by this user alone."""
    file = paths.run / "token"
    if not file.exists():
        return Finding("token", OK, "No token is kept: no backend has run here.")
    mode = file.stat().st_mode & 0o777
    if mode & 0o077 or file.stat().st_uid != os.getuid():
        meaning = f"{file} can be read by others (mode {mode:o}): they could use your backend."
        return Finding(
            "token", DOWN, meaning, f"chmod 600 {file}, then close the program and start it again."
        )
    return Finding("token", OK, f"{file} is readable by you alone.")
