"""`sutazai models …`: the models on this machine as a table or as JSON, one shown, one removed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from app.terminal_downloads import bring, pull
from backend_embedded.contract.library import ModelDetails
from backend_embedded.contract.models import Model
from ui.client.port import Backend


async def models(client: Backend, options: argparse.Namespace) -> int:
    """Carry out one action; returns the exit status. Raises ClientError."""
    match options.action:
        case "pull":
            return await pull(client, options)
        case "import":
            return await bring(client, options)
        case "show":
            return await show_model(client, options.name, options.json)
        case "remove":
            return await remove_model(client, options.name, options.json)
        case _:
            return await list_models(client, as_json=options.json)


async def show_model(client: Backend, name: str, as_json: bool) -> int:
    """Print all that is known of a model; returns 0. Raises ClientError."""
    details = await client.model_details(name)
    text = details.model_dump_json(indent=2) if as_json else "\n".join(description(details))
    sys.stdout.write(text + "\n")
    return 0


async def remove_model(client: Backend, name: str, as_json: bool) -> int:
    """Remove a model and say what that freed; returns 0. Raises ClientError."""
    freed = await client.remove_model(name)
    text = (
        json.dumps({"name": name, "freed_bytes": freed})
        if as_json
        else f"Removed {name}: {_size(freed)} freed."
    )
    sys.stdout.write(text + "\n")
    return 0


def description(details: ModelDetails) -> Sequence[str]:
    """What is known of a model, one fact a line."""
    model = details.model
    rate = f"{model.tokens_per_s:.1f} tokens/s on this machine" if model.tokens_per_s else "not measured yet"
    marks = {"default": model.default, "pinned": model.pinned, "loaded": model.loaded, "tools": model.tools}
    marks["vectors"] = model.embeds
    facts = {
        "name": model.name,
        "title": model.title,
        "file": model.path,
        "source": model.source.value,
        "size": _size(model.size_bytes),
        "parameters": f"{model.parameters:,}" if model.parameters else "",
        "quantization": model.quantization,
        "architecture": model.architecture,
        "context": str(model.context_length or ""),
        "licence": model.license,
        "memory": _size(model.memory_bytes) if model.memory_bytes else "",
        "speed": rate,
        "is": ", ".join(name for name, true in marks.items() if true),
        "problem": model.problem or "",
        "removing": details.why_not_removable or f"frees {_size(details.frees_bytes)}",
    }
    return [f"{name:<13} {value}" for name, value in facts.items() if value]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"


async def list_models(client: Backend, as_json: bool) -> int:
    """Print all models; returns 0. Raises ClientError."""
    models = await client.models()
    if as_json:
        text = json.dumps([model.model_dump(mode="json") for model in models], indent=2, ensure_ascii=False)
    else:
        text = table(models) if models else "No model was found. Put a GGUF file into the models folder."
    sys.stdout.write(text + "\n")
    return 0


def table(models: list[Model]) -> str:
    """One line for each model, the default one marked with a star."""
    rows = [("", "NAME", "SIZE", "QUANT", "CONTEXT", "STATE")]
    rows += [
        (
            "*" if model.default else "",
            model.name,
            f"{model.size_bytes / 1e6:.0f} MB",
            model.quantization,
            str(model.context_length or ""),
            model.problem or ("loaded" if model.loaded else "ready"),
        )
        for model in models
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        " ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    )
