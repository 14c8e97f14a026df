"""Opens the adapters of one run: the only place that names them."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import make_url

from backend_embedded.announcing.announcer import Announcer
from backend_embedded.announcing.trail import AuditTrail
from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.failover import FailoverCache
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.chat.cached_answers import CachedLanguageModel
from backend_embedded.chat.metered import MeteredLanguageModel
from backend_embedded.contract.events import CapabilityChanged, SettingsChanged, Snapshot
from backend_embedded.contract.launch import HomePaths
from backend_embedded.contract.models import EngineState
from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.contract.product import VERSION
from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.settings import SettingsPatch
from backend_embedded.errors import ControlCenterError, InvalidInput
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
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.outbox import OutboxRelay
from backend_embedded.resilience.breaker import CircuitBreaker
from backend_embedded.services import Probe, Records, Services
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.agents import SqlAgentStore
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.config import SqlConfigStore
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.ledger import SqlAuditLog
from backend_embedded.storage.moving import DataJobs, House
from backend_embedded.storage.outbox import SqlOutbox
from backend_embedded.storage.retention import Keeping, keep_forgetting
from backend_embedded.storage.tasks import SqlTaskStore
from backend_embedded.storage.trail import SqlTrail
from backend_embedded.storage.versions import Versions

if TYPE_CHECKING:
    from backend_embedded.queue.rabbitmq import RabbitQueue

log = logging.getLogger(__name__)

STORE_FILE = "control-center.db"
QUEUE_FILE = "queue.db"
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
        cache.server.look_soon()
        queue.look_soon()
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
        cache = await _open_cache(stack, settings, events.publish, metrics)
        store_file = Path(paths.data) / STORE_FILE

        def opened(url: str) -> Database:
            return _database(url, store_file, events.publish, metrics)

        database = await stack.enter_async_context(
            ChosenDatabase(opened(settings.current.database_url), events.publish)
        )
        store = SqlConversationStore(database)
        queue = await _open_queue(stack, Path(paths.data) / QUEUE_FILE, settings, events.publish, metrics)
        metrics.resilience.watch_breaker("cache", lambda: cache.server.circuit)
        metrics.resilience.watch_breaker("queue", lambda: queue.circuit)
        outbox = SqlOutbox(database)
        relay = await stack.enter_async_context(OutboxRelay(outbox, queue))
        records = records_in(database, relay.wake, ReadThrough(cache))
        jobs = _jobs_with(database, store_file, opened, settings, records.versions.bump_all)
        stack.push_async_callback(jobs.close)
        _spawn(
            background,
            keep_forgetting(
                database,
                lambda: Keeping(settings.current.audit_keep_days, settings.current.history_keep_days),
                lambda: records.versions.bump("audit_logs"),
            ),
        )
        trail = AuditTrail(SqlTrail(database, lambda: records.versions.bump("audit_logs")))
        await stack.enter_async_context(queue.consume(QueueName.EVENT, trail))
        ollama = OllamaServer(lambda: settings.current, lambda: model.tell(), observer=metrics.resilience)
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
        ollama_breaker = CircuitBreaker()
        model = FailoverLanguageModel(
            ollama=OllamaLanguageModel(ollama, lambda: settings.current),
            server=ollama,
            llama_cpp=local,
            settings=lambda: settings.current,
            publish=events.publish,
            breaker=ollama_breaker,
        )
        metrics.resilience.watch_breaker("ollama", lambda: ollama_breaker.state.value)
        await stack.enter_async_context(local)
        await stack.enter_async_context(ollama)
        engine = await stack.enter_async_context(EngineJob(events.publish, engine_ready))

        def folder() -> Path:
            return Path(settings.current.models_folder or paths.models)

        def transport() -> Transport:
            return Transport(settings.current.proxy)

        resolver = Resolver(transport, observer=metrics.resilience)
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
            model=CachedLanguageModel(
                MeteredLanguageModel(model, metrics), cache, lambda: settings.current.cache_answers
            ),
            engine=engine,
            events=events,
            settings=settings,
            metrics=metrics,
            leaving=leaving,
            ollama=ollama,
            library=library,
            records=records,
            data=jobs,
            queue=queue,
            outbox=outbox,
            cache=cache,
            notices=model.notices,
            probes=open_probes(stack),
        )
        await stack.enter_async_context(Announcer(events, queue, relay.wake))
        yield services


async def _open_cache(
    stack: AsyncExitStack,
    settings: SettingsFile,
    publish: Callable[[CapabilityChanged], None],
    metrics: BackendMetrics,
) -> FailoverCache:
    """The cache: in the Redis that the settings name, in this program while there is none."""
    driver = RedisDriver()
    stack.callback(driver.close)
    return await stack.enter_async_context(
        FailoverCache(
            EmbeddedCache(evicted=metrics.cache.evicted),
            driver.connect,
            lambda: settings.current.cache,
            lambda capability: publish(CapabilityChanged(capability=capability)),
            metrics.cache,
        )
    )


async def _open_queue(
    stack: AsyncExitStack,
    file: Path,
    settings: SettingsFile,
    publish: Callable[[CapabilityChanged], None],
    metrics: BackendMetrics,
) -> FailoverQueue:
    """The message queue: in the broker that the settings name, in a file of the home while there is none."""
    # The driver takes a quarter of a second to load: not before there is a broker, nor in the loop.
    loading = ThreadPoolExecutor(1, thread_name_prefix="queue driver")
    stack.callback(loading.shutdown)

    def counted(name: QueueName, outcome: str) -> None:
        metrics.message_counted(name.value, outcome)

    async def broker(url: str, changed: Callable[[], None]) -> RabbitQueue:
        module = await asyncio.get_running_loop().run_in_executor(
            loading, importlib.import_module, "backend_embedded.queue.rabbitmq"
        )
        made: RabbitQueue = module.RabbitQueue(url, counted, changed)
        return made

    own = await stack.enter_async_context(EmbeddedQueue(file, counted))
    return await stack.enter_async_context(
        FailoverQueue(
            own,
            lambda: settings.current.queue,
            broker,
            lambda capability: publish(CapabilityChanged(capability=capability)),
        )
    )


def open_probes(stack: AsyncExitStack) -> dict[ServiceKind, Probe]:
    """What tries the address of each kind of server; drivers are loaded when there is something to try."""
    loading = ThreadPoolExecutor(1, thread_name_prefix="service probe")
    stack.callback(loading.shutdown)
    redis = RedisDriver()
    stack.callback(redis.close)

    def loaded(name: str) -> Probe:
        async def tried(url: str) -> ServiceFound:
            module = await asyncio.get_running_loop().run_in_executor(loading, importlib.import_module, name)
            found: ServiceFound = await module.tried(url)
            return found

        return tried

    async def cache(url: str) -> ServiceFound:
        try:
            facts = await redis.tried(url)
        except ValueError as error:
            raise InvalidInput(f"This is no address of a cache: {error}.") from error
        return ServiceFound(
            kind=ServiceKind.CACHE, product="Redis", version=facts.version, latency_ms=facts.latency_ms
        )

    return {
        ServiceKind.CACHE: cache,
        ServiceKind.QUEUE: loaded("backend_embedded.queue.rabbitmq_probe"),
        ServiceKind.DATABASE: loaded("backend_embedded.storage.postgres_probe"),
    }


def _database(
    url: str, file: Path, publish: Callable[[CapabilityChanged], None], metrics: BackendMetrics
) -> Database:
    """The database that the settings name: PostgreSQL, or the file of the home."""
    if not url:
        return SqliteDatabase(file, publish)
    # Its driver takes longer to load than all else of the store.
    from backend_embedded.storage.postgres import PostgresDatabase

    return PostgresDatabase(url, publish, metrics.pool, metrics.resilience)


def _jobs_with(
    database: ChosenDatabase,
    file: Path,
    opened: Callable[[str], Database],
    settings: SettingsFile,
    changed: Callable[[], None],
) -> DataJobs:
    """What can be done with all the data of this run."""

    async def switch(url: str) -> None:
        await settings.change(SettingsPatch(database_url=url))

    def shown(url: str) -> str:
        return make_url(url).render_as_string(hide_password=True)

    def open_file(path: Path) -> Database:
        return SqliteDatabase(path, lambda _: None) if path != file else opened("")

    return DataJobs(database, House(file, open_file, opened, shown, switch, changed))


def records_in(
    database: Database, told: Callable[[], None] = lambda: None, reads: ReadThrough | None = None
) -> Records:
    """What a database keeps besides conversations; `told` is called after every change.

    Args:
        reads: keeps what was read until it changes.
    """
    versions = Versions(shared=lambda: database.dialect != "sqlite")

    def changed(entity: str) -> Callable[[UUID | str], Awaitable[None]]:
        async def tell(id: UUID | str) -> None:
            if reads is not None:
                await reads.changed(versions.name(entity), id)
            versions.bump(entity)
            versions.bump("audit_logs")
            told()

        return tell

    return Records(
        tasks=SqlTaskStore(database, changed("tasks")),
        agents=SqlAgentStore(database, changed("agents")),
        audit=SqlAuditLog(database),
        config=SqlConfigStore(database, changed("config")),
        versions=versions,
        reads=reads,
    )


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
