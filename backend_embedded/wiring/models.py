"""The language models of a run: Ollama, the local engine, the choice between them, and the model library."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from backend_embedded.contract.events import Event
from backend_embedded.contract.launch import HomePaths
from backend_embedded.errors import ControlCenterError
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.ollama_store import find_store, store_models
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.service import Library
from backend_embedded.library.transport import Transport
from backend_embedded.llm.failover.language_model import FailoverLanguageModel
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.llama_cpp.rates import MeasuredRates
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.resilience.breaker import CircuitBreaker
from backend_embedded.settings import SettingsFile

log = logging.getLogger(__name__)

RATES_FILE = "measured-rates.json"


@dataclass(frozen=True, slots=True)
class Models:
    """Who can answer.

    Attributes:
        local: the engine on this machine.
        ollama: the Ollama server that is looked for.
        chosen: whichever of them is to answer now.
    """

    local: LlamaCppLanguageModel
    ollama: OllamaServer
    chosen: FailoverLanguageModel

    async def refresh(self) -> None:
        """Look for models of this machine with the settings that are now."""
        try:
            await self.local.refresh()
        except (ControlCenterError, OSError):
            log.warning("The models could not be looked for", exc_info=True)

    def settings_changed(self) -> None:
        """Tell and look anew by the settings that are now; `refresh` is beside it, because it takes time."""
        self.chosen.tell()
        self.ollama.look_soon()


async def open_models(
    stack: AsyncExitStack,
    paths: HomePaths,
    settings: SettingsFile,
    publish: Callable[[Event], None],
    metrics: BackendMetrics,
) -> Models:
    """Ollama when it is there, the local engine beside it."""
    ollama = OllamaServer(lambda: settings.current, lambda: chosen.tell(), observer=metrics.resilience)
    local = LlamaCppLanguageModel(
        library=ModelLibrary(
            Path(paths.cache),
            find_starter(),
            lambda: store_models(find_store(settings.current.ollama_store)),
        ),
        rates=MeasuredRates(Path(paths.data) / RATES_FILE),
        models_folder=Path(paths.models),
        settings=lambda: settings.current,
        publish=lambda event: chosen.relay(event),
    )
    breaker = CircuitBreaker()
    chosen = FailoverLanguageModel(
        ollama=OllamaLanguageModel(ollama, lambda: settings.current),
        server=ollama,
        llama_cpp=local,
        settings=lambda: settings.current,
        publish=publish,
        breaker=breaker,
    )
    metrics.resilience.watch_breaker("ollama", lambda: breaker.state.value)
    await stack.enter_async_context(local)
    await stack.enter_async_context(ollama)
    return Models(local, ollama, chosen)


async def open_library(
    stack: AsyncExitStack,
    paths: HomePaths,
    settings: SettingsFile,
    publish: Callable[[Event], None],
    metrics: BackendMetrics,
    models: Models,
) -> Library:
    """The model library, and the downloads that fill it."""

    def folder() -> Path:
        return Path(settings.current.models_folder or paths.models)

    def transport() -> Transport:
        return Transport(settings.current.proxy)

    resolver = Resolver(transport, observer=metrics.resilience)
    downloads = await stack.enter_async_context(
        Downloads(folder, resolver, transport, publish, models.refresh)
    )
    return await stack.enter_async_context(
        Library(
            downloads=downloads,
            resolver=resolver,
            models=models.chosen,
            settings=settings,
            folder=folder,
            changed=models.refresh,
        )
    )
