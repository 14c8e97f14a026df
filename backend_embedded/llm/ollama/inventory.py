"""What a server has: its models, and those of them that are in its memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.models import Model
from backend_embedded.contract.ollama import OllamaRunning
from backend_embedded.llm.names import short_name
from backend_embedded.llm.ollama import words

if TYPE_CHECKING:
    from backend_embedded.llm.ollama.client import OllamaClient

LIST_S = 5.0
"""Longest wait for a list, or for the details of a model."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What it had when it was asked."""

    models: tuple[Model, ...] = ()
    running: tuple[OllamaRunning, ...] = ()

    @property
    def asleep(self) -> Inventory:
        """The same models, none of them in memory."""
        return Inventory(tuple(model.model_copy(update={"loaded": False}) for model in self.models))


class InventoryReader:
    """Reads what one server has, details only of what was not seen before."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, Any]] = {}

    async def read(self, client: OllamaClient) -> Inventory:
        """Ask it. Raises as the client, and TimeoutError."""
        async with asyncio.timeout(LIST_S):
            listed = (await client.list()).model_dump()["models"]
            running = (await client.ps()).model_dump()["models"]
        for one in listed:
            key = _key(one)
            if key not in self._shown:
                async with asyncio.timeout(LIST_S):
                    self._shown[key] = await client.post("/api/show", {"model": one["model"]}, None)
        held = tuple(_running(one) for one in running)
        loaded = {one.name for one in held}
        models = (words.model(one, self._shown[_key(one)]) for one in listed)
        return Inventory(
            tuple(model.model_copy(update={"loaded": model.name in loaded}) for model in models), held
        )


def _key(listed: dict[str, Any]) -> str:
    return f"{listed.get('model')} {listed.get('digest')}"


def _running(one: dict[str, Any]) -> OllamaRunning:
    return OllamaRunning(
        name=short_name(one.get("model") or one.get("name") or ""),
        size_bytes=int(one.get("size") or 0),
        gpu_bytes=int(one.get("size_vram") or 0),
        context_size=one.get("context_length") or 0,
        expires_at=one.get("expires_at"),
    )
