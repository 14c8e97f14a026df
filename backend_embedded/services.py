"""The ports that the API works with, opened and handed over by the wiring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from backend_embedded.bus.port import EventLog
from backend_embedded.cache.port import Cache
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.contract.events import Notice, Snapshot
from backend_embedded.contract.models import Engine
from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.contract.status import Capability, State, SystemStatus
from backend_embedded.library.service import Library
from backend_embedded.llm.ollama_port import OllamaControl
from backend_embedded.llm.port import LanguageModel
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.queue.outbox import Outbox
from backend_embedded.queue.port import MessageQueue
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.moving import DataJobs
from backend_embedded.storage.port import ConversationStore
from backend_embedded.storage.record_ports import AgentStore, AuditLog, ConfigStore, TaskStore
from backend_embedded.storage.versions import Versions

Probe = Callable[[str], Awaitable[ServiceFound]]
"""Tries the address of a server."""
SEVERITY = (State.OK, State.DEGRADED, State.DOWN)


class EngineBuilder(Protocol):
    """The local engine and the job that builds it."""

    def state(self) -> Engine:
        """The engine now."""
        ...

    async def build(self) -> Engine:
        """Begin to build it, unless it is there or being built."""
        ...

    async def cancel(self) -> Engine:
        """End a build that runs."""
        ...


@dataclass(frozen=True, slots=True)
class Records:
    """What is kept in SQL besides conversations.

    Attributes:
        versions: change with the data, under the names `tasks`, `agents`, `audit_logs`, `config`.
        reads: what was read lately, under the same names; None: nothing is kept.
    """

    tasks: TaskStore
    agents: AgentStore
    audit: AuditLog
    config: ConfigStore
    versions: Versions
    reads: ReadThrough | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """One run of the backend.

    Attributes:
        leaving: set when the program ends; streams end then.
        ollama: the Ollama server that is looked for; None: none is.
        library: downloads and what is known of models; None: models are only listed.
        records: tasks, agents, the audit log and the configuration; None: they are not served.
        data: jobs with the whole of what is in SQL; None: there are none.
        queue: messages between the parts of the system; None: there is none.
        outbox: messages that are written and not published yet; there is one when there is a queue.
        queue: messages between the parts of the system; None: there is none.
        outbox: messages that are written and not published yet.
        cache: values, locks and limits; None: nothing is kept, locked or limited.
        notices: what the user was told and still holds.
        probes: try the address of a server of each kind.
    """

    version: str
    run_id: str
    started_at: datetime
    store: ConversationStore
    model: LanguageModel
    engine: EngineBuilder
    events: EventLog
    settings: SettingsFile
    metrics: BackendMetrics
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    ollama: OllamaControl | None = None
    library: Library | None = None
    records: Records | None = None
    data: DataJobs | None = None
    queue: MessageQueue | None = None
    outbox: Outbox | None = None
    cache: Cache | None = None
    notices: Callable[[], tuple[Notice, ...]] = tuple
    probes: Mapping[ServiceKind, Probe] = field(default_factory=dict)

    def capabilities(self) -> tuple[Capability, ...]:
        """The state of each capability now."""
        events = Capability(
            name="events",
            state=State.OK,
            provider="embedded",
            product="in-process event log",
            since=self.started_at,
        )
        queue = () if self.queue is None else (self.queue.capability(),)
        cache = () if self.cache is None else (self.cache.capability(),)
        return (self.model.capability(), self.store.capability(), events, *cache, *queue)

    def status(self) -> SystemStatus:
        """The state of the whole."""
        capabilities = self.capabilities()
        return SystemStatus(
            version=self.version,
            run_id=self.run_id,
            started_at=self.started_at,
            state=max((capability.state for capability in capabilities), key=SEVERITY.index),
            capabilities=capabilities,
            figures=self.metrics.figures(),
        )

    async def snapshot(self) -> Snapshot:
        """All that an event can change, for a new subscriber."""
        return Snapshot(
            status=self.status(),
            engine=self.engine.state(),
            models=tuple(await self.model.models()),
            settings=self.settings.told,
            notices=self.notices(),
            downloads=self.library.downloads.list() if self.library is not None else (),
        )
