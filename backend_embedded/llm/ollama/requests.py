"""What a server is sent for a prompt: the address of the call, and its body."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import InvalidInput
from backend_embedded.llm.names import OLLAMA_PRODUCT
from backend_embedded.llm.ollama import words
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import Prompt

LOAD_S = 600.0
"""Longest time for a model to be read from the disk."""


class Requests:
    """Makes the bodies for one server.

    Args:
        server: asked to render a prompt that goes on.
        settings: the settings as they are now.
    """

    def __init__(self, server: OllamaServer, settings: Callable[[], BackendSettings]) -> None:
        self._server = server
        self._settings = settings
        self._context_sizes: dict[str, int] = {}

    async def of(self, prompt: Prompt, model: Model, seed: int) -> tuple[str, dict[str, Any]]:
        """Where to send a prompt, and the body.

        Raises:
            InvalidInput: it asks for what the server cannot do. Others as the client's.
        """
        options = prompt.options
        if options.grammar is not None:
            raise InvalidInput(
                f"{OLLAMA_PRODUCT} knows no grammars, only JSON schemas.", remedy="Ask llama.cpp."
            )
        body = self.common(model, prompt.keep_alive_s) | {"stream": True, "truncate": False, "shift": False}
        body["options"] |= words.sampling(options, seed)
        if options.json_schema is not None:
            if outside := words.outside_reference(options.json_schema):
                raise InvalidInput(f"The schema refers to {outside}, which is not a part of it.")
            body["format"] = options.json_schema
        if options.logprobs:
            body |= {"logprobs": True, "top_logprobs": options.top_logprobs}
        if prompt.raw is not None:
            return "/api/generate", body | {"prompt": prompt.raw, "raw": True}
        if prompt.tools:
            body["tools"] = words.tool_definitions(prompt.tools)
        if prompt.continue_last and prompt.turns:
            rendered = await self._rendered(prompt, body)
            if rendered is not None:
                body.pop("tools", None)
                return "/api/generate", body | {"prompt": rendered, "raw": True}
        return "/api/chat", body | {"messages": words.messages(prompt.turns)}

    async def _rendered(self, prompt: Prompt, body: dict[str, Any]) -> str | None:
        """The text that leads the model to go on with the last turn; None from a server that cannot tell it.

        The template of most models closes every turn that is the model's own, so that a chat with such a
        last turn would begin another answer. The server renders the turns before it, we add the beginning.
        """
        before, last = prompt.turns[:-1], prompt.turns[-1]
        if not before:
            return None
        # The debug field is newer than some servers: those begin to answer, and are stopped at once.
        asked = body | {"messages": words.messages(before), "_debug_render_only": True}
        lines = self._server.client().lines("/api/chat", asked, LOAD_S, None)
        async with aclosing(lines):
            async for line in lines:
                found = (line.get("_debug_info") or {}).get("rendered_template")
                return None if found is None else str(found) + last.content
        return None

    def common(self, model: Model, keep_alive_s: float | None = None) -> dict[str, Any]:
        """What every request for a model says: other load-time options would make the server load it again."""
        settings = self._settings()
        options: dict[str, Any] = {"num_ctx": self.context_size(model)}
        if settings.threads:
            options["num_thread"] = settings.threads
        keep_s = settings.keep_alive_s if keep_alive_s is None else keep_alive_s
        return {"model": model.name, "options": options, "keep_alive": keep_s}

    def context_size(self, model: Model) -> int:
        """Tokens that a model is to hold: as set for all, or more if it was asked for."""
        return max(self._settings().context_size, self._context_sizes.get(model.name, 0))

    def larger(self, model: Model, context_size: int) -> int:
        """Ask for so many tokens at least from now on; what was asked for before."""
        before = self._context_sizes.get(model.name, 0)
        self._context_sizes[model.name] = max(before, context_size)
        return before

    def larger_again(self, model: Model, context_size: int) -> None:
        """Ask for as many tokens as before: more cannot be had."""
        self._context_sizes[model.name] = context_size
