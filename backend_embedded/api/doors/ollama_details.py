"""Our models in the words of Ollama's tags, ps and show."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backend_embedded.api.doors.ollama_words import OllamaWords
from backend_embedded.contract.library import ModelDetails
from backend_embedded.contract.models import Model
from backend_embedded.contract.ollama import OllamaRunning

BLOB = "sha256-"
FOR_EVER = timedelta(days=365 * 100)


def modified(model: Model, otherwise: datetime) -> datetime:
    """When the model's file was last changed; `otherwise` for one that is on a server. Reads the disk."""
    if model.path:
        with contextlib.suppress(OSError):
            return datetime.fromtimestamp(Path(model.path).stat().st_mtime, UTC)
    return otherwise


def digest(model: Model) -> str:
    """What tells a model from another: the sha256 in its file's name, else one of its name and size.

    Hashing the whole file would take seconds for each gigabyte, at every listing.
    """
    name = Path(model.path).name
    if name.startswith(BLOB):
        return name.removeprefix(BLOB)
    return hashlib.sha256(f"{model.name}\n{model.size_bytes}".encode()).hexdigest()


def listed(model: Model, at: datetime) -> dict[str, Any]:
    """One model of `GET /api/tags`."""
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": _text(at),
        "size": model.size_bytes,
        "digest": digest(model),
        "details": details_of(model),
        "capabilities": capabilities(model),
    }


def running(model: Model, at_server: OllamaRunning | None, context: int, keep_s: float) -> dict[str, Any]:
    """One model of `GET /api/ps`.

    Args:
        at_server: what an Ollama server says of it, if it is there.
        keep_s: seconds that it stays; -1: for ever.
    """
    expires = datetime.now(UTC) + (FOR_EVER if keep_s < 0 else timedelta(seconds=keep_s))
    size, on_card = model.memory_bytes or model.size_bytes, 0
    if at_server is not None:
        size, on_card = at_server.size_bytes, at_server.gpu_bytes
        expires = at_server.expires_at or expires
    return {
        "name": model.name,
        "model": model.name,
        "size": size,
        "digest": digest(model),
        "details": details_of(model),
        "expires_at": _text(expires),
        "size_vram": on_card,
        "context_length": context,
    }


def shown(details: ModelDetails, at: datetime, *, verbose: bool) -> dict[str, Any]:
    """The answer of `POST /api/show`."""
    model = details.model
    info: dict[str, Any] = {
        key: _value(value)
        for key, value in details.metadata.items()
        if verbose or not key.startswith("tokenizer.ggml.")
    }
    if model.architecture:
        info.setdefault("general.architecture", model.architecture)
        info.setdefault(f"{model.architecture}.context_length", model.context_length)
    if model.parameters:
        info["general.parameter_count"] = model.parameters
    words = OllamaWords.of(details)
    answer = {
        "license": details.license_text or model.license,
        "modelfile": words.modelfile(model.path),
        "parameters": words.parameters(),
        "template": words.template,
        "system": words.system,
        "details": details_of(model),
        "model_info": info,
        "capabilities": capabilities(model),
        "modified_at": _text(at),
    }
    return {key: value for key, value in answer.items() if value != ""}


def details_of(model: Model) -> dict[str, Any]:
    """The `details` of a model."""
    facts: dict[str, Any] = {
        "parent_model": "",
        "format": "gguf",
        "family": model.architecture,
        "families": [model.architecture] if model.architecture else None,
        "parameter_size": _size(model.parameters),
        "quantization_level": model.quantization,
    }
    return facts | ({"context_length": model.context_length} if model.context_length else {})


def capabilities(model: Model) -> list[str]:
    """What a model can do."""
    if model.embeds:
        return ["embedding"]
    return ["completion", "tools"] if model.tools else ["completion"]


def _size(parameters: int) -> str:
    if parameters >= 1_000_000_000:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.2f}M" if parameters else ""


def _value(text: str) -> Any:
    """A value of the file's metadata with its type, as far as its text tells it."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
