"""The models that the program knows of: a list that ships with it.

Sizes are those of the registry at the time of writing, rounded where the exact one was not seen; what is
fetched is always checked against the size and the sha256 that the registry tells then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from backend_embedded.contract.library import CatalogueEntry
from backend_embedded.contract.models import Model
from backend_embedded.library.offer import file_name
from backend_embedded.library.reference import OllamaReference, parse_reference
from backend_embedded.llm.memory import OVERHEAD_BYTES

_FILE = Path(__file__).with_name("catalogue.json")
_entries = TypeAdapter(tuple[CatalogueEntry, ...])


def read_catalogue() -> tuple[CatalogueEntry, ...]:
    """All entries, the first one is TinyLlama; blocking, a small file."""
    return _entries.validate_json(_FILE.read_bytes())


def with_installed(entries: Sequence[CatalogueEntry], models: Sequence[Model]) -> tuple[CatalogueEntry, ...]:
    """The entries, those that are on this machine marked, each with the memory that it needs at least."""
    names = {model.name.lower() for model in models if model.problem is None}

    def marked(entry: CatalogueEntry) -> CatalogueEntry:
        return entry.model_copy(
            update={
                "installed": not names.isdisjoint(_names(entry.reference)),
                "memory_bytes": entry.size_bytes + OVERHEAD_BYTES,
            }
        )

    return tuple(marked(entry) for entry in entries)


def _names(text: str) -> set[str]:
    """What a model of that reference is called: by this program, and by an Ollama store."""
    reference = parse_reference(text)
    if not isinstance(reference, OllamaReference):
        return {file_name(text.rsplit("/", 1)[-1].removesuffix(".gguf")).lower()}
    tag = "" if reference.tag == "latest" else f"-{reference.tag}"
    return {file_name(f"{reference.model}{tag}").lower(), str(reference).lower()}
