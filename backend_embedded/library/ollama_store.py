"""The models of a local Ollama store, used where they are: its blobs are plain GGUF files.

Layout: `manifests/HOST/NAMESPACE/MODEL/TAG` (JSON) and `blobs/sha256-HEX`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from backend_embedded.contract.models import ModelSource
from backend_embedded.library.ollama_registry import LAYER
from backend_embedded.library.reference import OLLAMA_HOST
from backend_embedded.llm.files.library import FoundFile

SYSTEM_STORE = Path("/usr/share/ollama/.ollama/models")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def find_store(wanted: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The store's folder: as it is set, else where Ollama has it; None when there is none."""
    if wanted:
        return Path(wanted) if Path(wanted).is_dir() else None
    named = environment.get("OLLAMA_MODELS", "")
    home = environment.get("HOME", "")
    usual = [Path(named)] if named else []
    usual += [Path(home) / ".ollama" / "models"] if home else []
    for folder in (*usual, SYSTEM_STORE):
        if os.access(folder / "manifests", os.R_OK | os.X_OK):
            return folder
    return None


def store_models(store: Path | None) -> Iterator[FoundFile]:
    """The models of a store by the names that Ollama gives them; blocking."""
    if store is None:
        return
    manifests = store / "manifests"
    for parent, folders, files in os.walk(manifests):
        folders.sort()
        for tag in sorted(files):
            parts = (*Path(parent).relative_to(manifests).parts, tag)
            if len(parts) != 4:
                continue
            blob = _weights(Path(parent) / tag, store / "blobs")
            if blob is not None:
                yield FoundFile(_name(*parts), blob, ModelSource.OLLAMA_STORE)


def _name(host: str, namespace: str, model: str, tag: str) -> str:
    named = f"{model}:{tag}"
    if host != OLLAMA_HOST:
        return f"{host}/{namespace}/{named}"
    return named if namespace == "library" else f"{namespace}/{named}"


def _weights(manifest: Path, blobs: Path) -> Path | None:
    """The GGUF file that a manifest names; None when it names none, or it is not there."""
    try:
        layers = json.loads(manifest.read_bytes())["layers"]
        for layer in layers:
            digest = _DIGEST.fullmatch(layer["digest"])
            if layer["mediaType"] == f"{LAYER}model" and digest:
                file = blobs / f"sha256-{digest[1]}"
                return file if file.is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
