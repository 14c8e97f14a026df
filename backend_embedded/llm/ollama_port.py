"""What the API may do with an Ollama server, besides asking its models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Protocol

from backend_embedded.contract.ollama import OllamaProgress, OllamaStatus


class OllamaControl(Protocol):
    """An Ollama server and its models. All but `status` raise EngineError when none answers."""

    async def status(self) -> OllamaStatus:
        """Whether it is there, and what it has in memory; asks it, within its time limit."""
        ...

    def pull(self, name: str) -> AsyncGenerator[OllamaProgress, None]:
        """Have the server fetch a model; the last event has `done`. Closing the generator stops it."""
        ...

    async def delete(self, name: str) -> None:
        """Have the server remove a model. Raises ModelNotFound."""
        ...

    async def copy(self, name: str, new_name: str) -> None:
        """Have the server give a model a second name. Raises ModelNotFound."""
        ...

    async def show(self, name: str) -> dict[str, Any]:
        """What the server tells about a model: template, parameters, licence. Raises ModelNotFound."""
        ...
