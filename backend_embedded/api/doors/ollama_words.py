"""What Ollama keeps beside a model, in its own words: the Go template, the system prompt, the parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from backend_embedded.contract.library import ModelDetails

NAME_WIDTH = 30
"""Ollama's width of the first column of `parameters`."""
QUOTES = '"""'


@dataclass(frozen=True, slots=True)
class OllamaWords:
    """Of a model that the Ollama registry gave; of another one only the file's own template.

    Attributes:
        params: name and value, as Ollama writes it, in order; a list has a row for each of its values.
    """

    template: str
    system: str
    params: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, details: ModelDetails) -> OllamaWords:
        """The words of a model; parameters that cannot be read are left out."""
        beside = details.beside
        try:
            told = json.loads(beside.get("params") or "{}")
        except ValueError:
            told = {}
        params = tuple(_rows(told)) if isinstance(told, dict) else ()
        return cls(beside.get("template") or details.template, beside.get("system", ""), params)

    def parameters(self) -> str:
        """The field `parameters` of `POST /api/show`."""
        return "\n".join(f"{name:<{NAME_WIDTH}} {value}" for name, value in self.params)

    def modelfile(self, path: str) -> str:
        """The file that `ollama create` would make the model of."""
        lines = [f"FROM {path}"]
        lines += [f"TEMPLATE {QUOTES}{self.template}{QUOTES}"] if self.template else []
        lines += [f"SYSTEM {QUOTES}{self.system}{QUOTES}"] if self.system else []
        lines += [f"PARAMETER {name} {value}" for name, value in self.params]
        return "\n".join(lines) + "\n"


def _rows(told: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(told.items()):
        for one in value if isinstance(value, list) else [value]:
            yield name, json.dumps(one, ensure_ascii=False)
