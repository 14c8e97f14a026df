"""Opens the services of one run, each after those it needs, and closes them the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from backend_embedded.announcing.announcer import Announcer
from backend_embedded.announcing.trail import AuditTrail
from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.chat.cached_answers import CachedLanguageModel
from backend_embedded.chat.metered import MeteredLanguageModel
from backend_embedded.contract.events import SettingsChanged, Snapshot
from backend_embedded.contract.launch import HomePaths
from backend_embedded.contract.product import VERSION
from backend_embedded.contract.queue import QueueName
from backend_embedded.llm.engine.job import EngineJob
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.queue.outbox import OutboxRelay
from backend_embedded.services import Services
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.outbox import SqlOutbox
from backend_embedded.storage.retention import Keeping, keep_forgetting
from backend_embedded.storage.trail import SqlTrail
from backend_embedded.wiring.background import Background
from backend_embedded.wiring.messaging import open_cache, open_queue
from backend_embedded.wiring.models import open_library, open_models
from backend_embedded.wiring.probes import open_probes
from backend_embedded.wiring.readiness import preload
from backend_embedded.wiring.records import STORE_FILE, Databases, open_database, open_jobs, records_in

SETTINGS_FILE = "backend.json"


@asynccontextmanager
async def open_services(paths: HomePaths) -> AsyncIterator[Services]:
    """The services of a home, open until the block is left."""
    run_id = uuid4().hex
    data = Path(paths.data)
    metrics = BackendMetrics()

    async def snapshot() -> Snapshot:
        return await services.snapshot()

    events = RingEventLog(run_id, snapshot)
    metrics.watch_subscribers(lambda: events.subscribers)

    def settings_changed(event: SettingsChanged) -> None:
        events.publish(event)
        models.settings_changed()
        cache.server.look_soon()
        queue.look_soon()
        background.begin(models.refresh())

    async def engine_ready() -> None:
        await models.refresh()
        await preload(services)

    async with AsyncExitStack() as stack:
        settings = SettingsFile(Path(paths.config) / SETTINGS_FILE, settings_changed)
        stack.callback(settings.close)
        cache = await open_cache(stack, settings, events.publish, metrics)
        databases = Databases(data / STORE_FILE, events.publish, metrics)
        database = await open_database(stack, databases, settings.current.database_url)
        queue = await open_queue(stack, data, settings, events.publish, metrics)
        outbox = SqlOutbox(database)
        relay = await stack.enter_async_context(OutboxRelay(outbox, queue))
        records = records_in(database, relay.wake, ReadThrough(cache))

        def audit_grew() -> None:
            records.versions.bump("audit_logs")

        jobs = open_jobs(stack, database, databases, settings, records)
        await stack.enter_async_context(
            queue.consume(QueueName.EVENT, AuditTrail(SqlTrail(database, audit_grew)))
        )
        models = await open_models(stack, paths, settings, events.publish, metrics)
        engine = await stack.enter_async_context(EngineJob(events.publish, engine_ready))
        library = await open_library(stack, paths, settings, events.publish, metrics, models)
        background = await stack.enter_async_context(Background())
        background.begin(keep_forgetting(database, lambda: _keeping(settings), audit_grew))
        stack.callback(events.close)
        services = Services(
            version=VERSION,
            run_id=run_id,
            started_at=datetime.now(UTC),
            store=SqlConversationStore(database),
            model=CachedLanguageModel(
                MeteredLanguageModel(models.chosen, metrics), cache, lambda: settings.current.cache_answers
            ),
            engine=engine,
            events=events,
            settings=settings,
            metrics=metrics,
            leaving=asyncio.Event(),
            ollama=models.ollama,
            library=library,
            records=records,
            data=jobs,
            queue=queue,
            outbox=outbox,
            cache=cache,
            notices=models.chosen.notices,
            probes=open_probes(stack),
        )
        await stack.enter_async_context(Announcer(events, queue, relay.wake))
        yield services


def _keeping(settings: SettingsFile) -> Keeping:
    """How long lines of the log and of the history are kept by the settings that are now."""
    return Keeping(settings.current.audit_keep_days, settings.current.history_keep_days)
