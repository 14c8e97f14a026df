"""Opens the adapters of one run: the only place that names them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.chat.metered import MeteredLanguageModel
from backend_embedded.contract.events import SettingsChanged, Snapshot
from backend_embedded.contract.launch import HomePaths
from backend_embedded.contract.models import EngineState
from backend_embedded.contract.product import VERSION
from backend_embedded.errors import ControlCenterError
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.ollama_store import find_store, store_models
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.service import Library
from backend_embedded.library.transport import Transport
from backend_embedded.llm.engine import EngineJob
from backend_embedded.llm.failover import FailoverLanguageModel
from backend_embedded.llm.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp import LlamaCppLanguageModel
from backend_embedded.llm.ollama import OllamaLanguageModel
from backend_embedded.llm.ollama_server import OllamaServer
from backend_embedded.llm.rates import MeasuredRates
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.services import Services
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.embedded import SqliteConversationStore

log = logging.getLogger(__name__)

STORE_FILE = "control-center.db"
SETTINGS_FILE = "backend.json"
RATES_FILE = "measured-rates.json"


@asynccontextmanager
async def open_services(paths: HomePaths) -> AsyncIterator[Services]:
    """The services of a home, open until the block is left."""
    run_id = uuid4().hex
    leaving = asyncio.Event()
    background: set[asyncio.Task[None]] = set()

    async def snapshot() -> Snapshot:
        return await services.snapshot()

    def settings_changed(event: SettingsChanged) -> None:
        events.publish(event)
        model.tell()
        ollama.look_soon()
        _spawn(background, _refresh(local))

    async def engine_ready() -> None:
        await _refresh(local)
        await preload(services)

    events = RingEventLog(run_id, snapshot)
    metrics = BackendMetrics()
    metrics.watch_subscribers(lambda: events.subscribers)
    async with AsyncExitStack() as stack:
        settings = SettingsFile(Path(paths.config) / SETTINGS_FILE, settings_changed)
        stack.callback(settings.close)
        store = await stack.enter_async_context(
            SqliteConversationStore(Path(paths.data) / STORE_FILE, events.publish)
        )
        ollama = OllamaServer(lambda: settings.current, lambda: model.tell())
        local = LlamaCppLanguageModel(
            library=ModelLibrary(
                Path(paths.cache),
                find_starter(),
                lambda: store_models(find_store(settings.current.ollama_store)),
            ),
            rates=MeasuredRates(Path(paths.data) / RATES_FILE),
            models_folder=Path(paths.models),
            settings=lambda: settings.current,
            publish=lambda event: model.relay(event),
        )
        model = FailoverLanguageModel(
            ollama=OllamaLanguageModel(ollama, lambda: settings.current),
            server=ollama,
            llama_cpp=local,
            settings=lambda: settings.current,
            publish=events.publish,
        )
        await stack.enter_async_context(local)
        await stack.enter_async_context(ollama)
        engine = await stack.enter_async_context(EngineJob(events.publish, engine_ready))

        def folder() -> Path:
            return Path(settings.current.models_folder or paths.models)

        def transport() -> Transport:
            return Transport(settings.current.proxy)

        resolver = Resolver(transport)
        downloads = await stack.enter_async_context(
            Downloads(folder, resolver, transport, events.publish, lambda: _refresh(local))
        )
        library = await stack.enter_async_context(
            Library(
                downloads=downloads,
                resolver=resolver,
                models=model,
                settings=settings,
                folder=folder,
                changed=lambda: _refresh(local),
            )
        )
        stack.push_async_callback(_end_all, background)
        stack.callback(events.close)
        services = Services(
            version=VERSION,
            run_id=run_id,
            started_at=datetime.now(UTC),
            store=store,
            model=MeteredLanguageModel(model, metrics),
            engine=engine,
            events=events,
            settings=settings,
            metrics=metrics,
            leaving=leaving,
            ollama=ollama,
            library=library,
            notices=model.notices,
        )
        yield services


async def get_ready(services: Services) -> None:
    """Build the engine if this machine has none, else bring the default model into memory."""
    if services.engine.state().state is EngineState.MISSING:
        await services.engine.build()  # returns at once; its end comes back here through `engine_ready`
    else:
        await preload(services)


async def preload(services: Services) -> None:
    """Bring the default model into memory, so that the first answer does not wait for it."""
    if services.engine.state().state is not EngineState.READY or services.settings.current.keep_alive_s == 0:
        return
    try:
        await services.model.load()
        for name in services.settings.current.pinned_models:
            await services.model.load(name)
    except ControlCenterError as error:
        # The model's capability says it on the screen; the first question will say it again.
        log.info("The default model was not loaded ahead: %s", error.message)


async def _refresh(model: LlamaCppLanguageModel) -> None:
    """Look for models with the settings that are now."""
    try:
        await model.refresh()
    except (ControlCenterError, OSError):
        log.warning("The models could not be looked for", exc_info=True)


def _spawn(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _end_all(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
