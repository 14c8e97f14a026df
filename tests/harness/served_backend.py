"""A backend in this process: real store, event log and HTTP server, with a scripted model and engine."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import create_engine

from backend_embedded.api.app import create_app
from backend_embedded.api.limits import TimeLimits
from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.failover import FailoverCache
from backend_embedded.cache.port import ServerCache
from backend_embedded.chat.cached_answers import CachedLanguageModel
from backend_embedded.chat.metered import MeteredLanguageModel
from backend_embedded.contract.events import Event, Snapshot
from backend_embedded.contract.generation import (
    Finished,
    FinishReason,
    GenerationStats,
    PromptProgress,
    Queued,
    TextDelta,
)
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.settings import BackendSettings, LocalApi
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import ControlCenterError, ModelNotFound
from backend_embedded.llm.port import ContextFacts, Embeddings, Prompt
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.services import Services
from backend_embedded.serving import make_server
from backend_embedded.settings import SettingsFile, write_whole
from backend_embedded.storage.embedded import SqliteConversationStore
from backend_embedded.storage.upgrade import upgrade
from backend_embedded.wiring.records import records_in

TOKEN = "a-token-for-tests"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ScriptedModel:
    """Answers with the script's words; can wait for leave at a word, or fail after some.

    Attributes:
        words: pieces of the answer.
        hold_after: after so many words it waits for `go`.
        fail_after: after so many words it raises `failure`.
        waited: it has come to the hold.
        closed: the generator was closed before its end.
    """

    words: Sequence[str] = ("Hello", " from", " the", " script", ".")
    hold_after: int | None = None
    fail_after: int | None = None
    failure: ControlCenterError = field(default_factory=lambda: ModelNotFound("There is no such model."))
    queued: bool = False
    prompts: list[Prompt] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    loaded: bool = False
    context_size: int = 4096
    largest_context: int = 8192
    counted: list[tuple[str, ...]] = field(default_factory=list)
    read: list[Prompt] = field(default_factory=list)

    def capability(self) -> Capability:
        return Capability(name="model", state=State.OK, provider="scripted", product="a script", since=SINCE)

    async def models(self) -> Sequence[Model]:
        return (
            Model(
                name="script", title="Script", provider="scripted", path="/script.gguf", size_bytes=1,
                loaded=self.loaded, default=True,
            ),
        )  # fmt: skip

    async def generate(
        self, prompt: Prompt
    ) -> AsyncGenerator[Queued | PromptProgress | TextDelta | Finished, None]:
        self.prompts.append(prompt)
        done = False
        try:
            if self.queued:
                yield Queued(place=1)
            for number, word in enumerate((*self.words, None)):
                if self.fail_after == number:
                    raise self.failure
                if self.hold_after == number:
                    self.waited.set()
                    await self.go.wait()
                if word is not None:
                    yield TextDelta(text=word, tokens=number + 1)
            done = True
            yield Finished(stats=self.stats())
        finally:
            if not done:
                self.closed.set()

    def stats(self) -> GenerationStats:
        return GenerationStats(
            provider="scripted",
            model="script",
            prompt_tokens=7,
            completion_tokens=len(self.words),
            finish_reason=FinishReason.STOP,
        )

    async def count_tokens(self, prompt: Prompt) -> int:
        return sum(len(turn.content.split()) for turn in prompt.turns) + len((prompt.raw or "").split())

    async def read_ahead(self, prompt: Prompt) -> None:
        self.read.append(prompt)

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        self.counted.append(tuple(texts))
        return [len(text.split()) for text in texts]

    async def context(self, model: str | None = None) -> ContextFacts:
        return ContextFacts(
            model=model or "script",
            provider="scripted",
            size=self.context_size,
            largest=self.largest_context,
            bytes_per_token=1_000,
            free_bytes=1_000_000_000,
            resizable=True,
        )

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        return Embeddings("script", tuple((1.0, 0.0) for _ in texts), len(texts))

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        if model not in (None, "script"):
            raise ModelNotFound(f"There is no model named {model}.")
        self.loaded = True
        self.context_size = max(self.context_size, context_size or 0)

    async def unload(self, model: str) -> None:
        self.loaded = False


@dataclass
class ScriptedEngine:
    """An engine that is there, or whose build stands where it is put."""

    engine: Engine = field(default_factory=lambda: Engine(state=EngineState.READY))

    def state(self) -> Engine:
        return self.engine

    async def build(self) -> Engine:
        self.engine = Engine(state=EngineState.BUILDING)
        return self.engine

    async def cancel(self) -> Engine:
        self.engine = Engine(state=EngineState.MISSING)
        return self.engine


@functools.cache
def empty_store() -> bytes:
    """The file of an empty store: making it anew for each test would take most of the test's time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        engine = create_engine(f"sqlite:///{file}")
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        return file.read_bytes()


async def no_server(url: str) -> ServerCache:
    """Stands where a server for the cache would be looked for."""
    raise AssertionError(f"nothing is looked for at {url}")


@asynccontextmanager
async def opened(folder: Path, model: ScriptedModel) -> AsyncIterator[Services]:
    """Services with a real store and event log in `folder`."""

    async def snapshot() -> Snapshot:
        return await services.snapshot()

    metrics = BackendMetrics()
    async with AsyncExitStack() as stack:
        events = RingEventLog("run", snapshot)
        # Titles are proposed in the background: a test that is not about them would find one prompt too many.
        write_whole(
            folder / "config" / "backend.json", BackendSettings(propose_titles=False).model_dump_json()
        )
        settings = SettingsFile(folder / "config" / "backend.json", events.publish)
        stack.callback(settings.close)
        file = folder / "data" / "test.db"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(empty_store())
        store = SqliteConversationStore(file, events.publish)
        await stack.enter_async_context(store)
        stack.callback(events.close)
        cache = FailoverCache(
            EmbeddedCache(), no_server, lambda: "embedded", lambda told: None, metrics.cache
        )
        services = Services(
            version="0",
            run_id="run",
            started_at=SINCE,
            store=store,
            model=CachedLanguageModel(
                MeteredLanguageModel(model, metrics), cache, lambda: settings.current.cache_answers
            ),
            engine=ScriptedEngine(),
            events=events,
            settings=settings,
            metrics=metrics,
            cache=cache,
            records=records_in(store.database),
        )
        yield services


@asynccontextmanager
async def served(
    services: Services, limits: TimeLimits | None = None, local_api: LocalApi | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server of these services."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(services, TOKEN, limits, local_api)
    server = make_server(app)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(
            base_url=url, headers=AUTHORIZED, trust_env=False, verify=False, timeout=30
        ) as client:
            yield client
    finally:
        services.leaving.set()
        server.should_exit = True
        await serving
        await app.state.chat.close()
        app.state.attachments.close()
        listening.close()


async def until(what: str, true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Let the loop run until `true()`; AssertionError that names `what` after `timeout_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not true():
        assert loop.time() < deadline, f"{what}: not within {timeout_s} s"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.005)


def kinds(events: Sequence[Event]) -> list[str]:
    """The kinds of events, in order."""
    return [event.kind for event in events]
