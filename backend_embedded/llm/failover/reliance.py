"""Whether Ollama can be relied on: may it be asked, was it in use, and since when is it lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.llm.names import OLLAMA_PRODUCT
from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker


class Reachable(Protocol):
    """What is known of the Ollama server without asking it."""

    @property
    def ready(self) -> bool:
        """Whether it answered when it was last asked."""
        ...

    @property
    def sought(self) -> asyncio.Event:
        """Set when the first look is over."""
        ...

    @property
    def reason(self) -> str:
        """Why it does not answer."""
        ...

    @property
    def models(self) -> Sequence[Model]:
        """Its models as last seen."""
        ...


class Reliance:
    """What became of Ollama since the settings name it.

    Args:
        server: what is known of that server.
        breaker: counts how its answers end.
        settings: the settings as they are now.

    Attributes:
        lost: why it was lost while it was in use, in words; empty: it was not.
        lost_since: since when.
    """

    def __init__(
        self, server: Reachable, breaker: CircuitBreaker, settings: Callable[[], BackendSettings]
    ) -> None:
        self._server = server
        self._breaker = breaker
        self._settings = settings
        self._was_in_use = False
        self._asked: tuple[ModelProvider, str] | None = None
        self.lost = ""
        self.lost_since = datetime.now(UTC)

    @property
    def usable(self) -> bool:
        """Whether it may be asked: it answers, and its circuit lets calls through."""
        return self._server.ready and self._breaker.admits

    def why_not(self) -> str:
        """Why it is not asked, in words."""
        if not self._server.ready:
            return self._server.reason or f"{OLLAMA_PRODUCT} does not answer."
        if self._breaker.state is BreakerState.OPEN:
            return f"{OLLAMA_PRODUCT} does not do what it is asked. {self._breaker.told}"
        return self.lost

    def follow(self) -> None:
        """Note whether Ollama is in use, and when it was lost."""
        settings = self._settings()
        asked = (settings.provider, settings.ollama_url)
        if asked != self._asked:
            self._asked, self.lost, self._was_in_use = asked, "", False
            self._breaker.reset()
        if self.usable:
            self._was_in_use, self.lost = True, ""
        elif self._was_in_use and not self.lost:
            self.lost = self.why_not() or f"{OLLAMA_PRODUCT} was lost."
            self.lost_since = datetime.now(UTC)
