"""`sutazai models list`: the models on this machine as a table or as JSON."""

from __future__ import annotations

import json
import sys

from backend_embedded.contract.models import Model
from ui.client.port import Backend


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
