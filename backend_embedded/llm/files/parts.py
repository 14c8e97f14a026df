"""Models in several files: `NAME-00001-of-00003.gguf` and those that follow it.

The first file has the header of the whole; llama.cpp finds the others beside it by their names.
"""

from __future__ import annotations

import re
from pathlib import Path

_PARTED = re.compile(r"(?P<base>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})", re.DOTALL)
_SUFFIX = ".gguf"
MOST_PARTS = 999
"""More are taken for a name that only looks so."""


def part_names(stem: str) -> tuple[str, ...]:
    """All names, before `.gguf`, of the model that one of this name belongs to; one alone: it is whole."""
    told = _PARTED.fullmatch(stem)
    if told is None or not 1 < int(told["count"]) <= MOST_PARTS:
        return (stem,)
    return parts_called(told["base"], int(told["count"]))


def parts_called(base: str, count: int) -> tuple[str, ...]:
    """The names of a model in so many parts; the name itself if it is one file."""
    if count == 1:
        return (base,)
    return tuple(f"{base}-{number:05d}-of-{count:05d}" for number in range(1, count + 1))


def base_name(stem: str) -> str:
    """The name without the number of a part."""
    told = _PARTED.fullmatch(stem)
    return told["base"] if told is not None and len(part_names(stem)) > 1 else stem


def part_files(file: Path) -> tuple[Path, ...]:
    """All files of the model that this one belongs to, whether they are there or not."""
    if file.suffix.lower() != _SUFFIX:
        return (file,)
    names = part_names(file.stem)
    return (file,) if len(names) == 1 else tuple(file.with_name(name + file.suffix) for name in names)
