"""Calls for the Ollama server that the backend uses: its state, and what it has and fetches."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from pydantic import Field, TypeAdapter

from backend_embedded.contract.envelope import Success
from backend_embedded.contract.generation import Failed
from backend_embedded.contract.ollama import OllamaProgress, OllamaPull, OllamaStatus
from ui.client.calls import Calls, segment
from ui.client.failures import cut_off
from ui.client.port import ClientError

_status = TypeAdapter(Success[OllamaStatus])
_progress = TypeAdapter[OllamaProgress | Failed](
    Annotated[OllamaProgress | Failed, Field(discriminator="kind")]
)

OLLAMA = "/api/v1/ollama"


class OllamaThings(Calls):
    """These calls; see `Backend`."""

    async def ollama(self) -> OllamaStatus:
        """The Ollama server: whether it answers, and what it has in memory."""
        return (await self._call("GET", OLLAMA, _status)).data

    async def remove_ollama_model(self, name: str) -> OllamaStatus:
        """Have the Ollama server remove one of its models."""
        return (await self._call("DELETE", f"{OLLAMA}/models/{segment(name)}", _status)).data

    async def pull_ollama_model(self, name: str) -> AsyncGenerator[OllamaProgress, None]:
        """Have the Ollama server fetch a model; closing the generator holds it, the parts that came stay."""
        async with aclosing(self._stream(f"{OLLAMA}/pull", OllamaPull(name=name), _progress)) as events:
            async for event in events:
                if isinstance(event, Failed):
                    raise ClientError(event.error)
                yield event
                if event.done:
                    return
        raise cut_off()
