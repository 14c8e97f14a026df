"""Looks for an Ollama server off the critical path, and knows what it has."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from backend_embedded.contract.models import Model
from backend_embedded.contract.ollama import OllamaProgress, OllamaRunning, OllamaState, OllamaStatus
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.errors import ControlCenterError, EngineError, ModelNotFound
from backend_embedded.llm.names import same_model
from backend_embedded.llm.ollama.address import PROBE_S, USUAL_URLS, port_is_open, written_whole
from backend_embedded.llm.ollama.failures import unreachable
from backend_embedded.llm.ollama.inventory import LIST_S, Inventory, InventoryReader
from backend_embedded.resilience.retry import RetryObserver

if TYPE_CHECKING:
    from backend_embedded.llm.ollama.client import OllamaClient

log = logging.getLogger(__name__)

PULL_SILENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two looks."""

    present_s: float = 10.0
    absent_s: float = 5.0


class OllamaServer:
    """One server at a time: the first of the addresses that answers; open it with `async with`.

    Args:
        settings: the settings as they are now.
        changed: told after each look that found something else than the one before.
        usual_urls: where to look when the settings name no address.
        pauses: how often to look.
        observer: told of each call that is made again.
    """

    def __init__(
        self,
        settings: Callable[[], BackendSettings],
        changed: Callable[[], None],
        usual_urls: Sequence[str] = USUAL_URLS,
        pauses: Pauses | None = None,
        observer: RetryObserver | None = None,
    ) -> None:
        self._observer = observer
        self._settings = settings
        self._changed = changed
        self._usual_urls = tuple(usual_urls)
        self._pauses = pauses or Pauses()
        self._files = ThreadPoolExecutor(1, thread_name_prefix="ollama client")
        self._client: OllamaClient | None = None
        self._state = OllamaState.LOOKING
        self._version = ""
        self._reason = ""
        self._has = Inventory()
        self._reader = InventoryReader()
        self._sought = asyncio.Event()
        self._look_now = asyncio.Event()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_looking(), name="look for Ollama")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._drop_client()
        self._files.shutdown()

    # -- what is known, without asking ------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether a server answered when it was last asked anything."""
        return self._state is OllamaState.READY

    @property
    def sought(self) -> asyncio.Event:
        """Set when the first look is over."""
        return self._sought

    @property
    def version(self) -> str:
        """Its version; empty while there is none."""
        return self._version

    @property
    def reason(self) -> str:
        """Why there is none, in words."""
        return self._reason

    @property
    def url(self) -> str:
        """Where it answers, or would be looked for first."""
        return self._client.url if self._client is not None else self._urls()[0]

    @property
    def models(self) -> tuple[Model, ...]:
        """Its models as last seen, also while it does not answer."""
        return self._has.models

    @property
    def running(self) -> tuple[OllamaRunning, ...]:
        """What it has in memory, as last seen."""
        return self._has.running

    def named(self, name: str) -> Model | None:
        """Its model of that name; an absent tag is `latest`."""
        return next((model for model in self._has.models if same_model(model.name, name)), None)

    # -- looking ----------------------------------------------------------------------------------

    def look_soon(self) -> None:
        """Look now instead of after the pause."""
        self._look_now.set()

    def lost(self, error: ControlCenterError) -> None:
        """Somebody found that it does not answer: say so at once, and look."""
        if self.ready:
            self._absent(error.message)
            self._changed()
        self.look_soon()

    async def look(self) -> None:
        """Ask the addresses in order who is there; takes at most a second for each."""
        async with self._looking:
            before = self._facts()
            if self._settings().provider is ModelProvider.LLAMA_CPP:
                await self._drop_client()
                self._state, self._has = OllamaState.OFF, Inventory()
                self._version = self._reason = ""
            else:
                await self._find()
            first = not self._sought.is_set()
            self._sought.set()
        if first or self._facts() != before:
            self._changed()

    def _facts(self) -> tuple[object, ...]:
        return (self._state, self.url, self._version, self._has)

    async def _keep_looking(self) -> None:
        while True:
            self._look_now.clear()
            try:
                await self.look()
            except (ControlCenterError, OSError, ValueError, KeyError):
                log.info("The look for Ollama failed", exc_info=True)
            pause_s = self._pauses.present_s if self.ready else self._pauses.absent_s
            # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._look_now.wait()

    def _urls(self) -> tuple[str, ...]:
        url = written_whole(self._settings().ollama_url)
        return (url,) if url else self._usual_urls

    async def _find(self) -> None:
        reasons = []
        for url in self._urls():
            reason = await self._ask(url)
            if not reason:
                return
            reasons.append(reason)
        self._absent(reasons[0])

    async def _ask(self, url: str) -> str:
        """Take this server if it answers; else why it does not."""
        try:
            await port_is_open(url)
            client = await self._client_of(url)
            version = await client.version(PROBE_S)
            self._has = await self._reader.read(client)
        except ControlCenterError as error:
            return error.message
        except Exception as error:
            # Whatever listens there, it is not an Ollama that works; the reason is shown.
            log.debug("%s is no Ollama: %r", url, error)
            return unreachable(
                url, "time-out" if isinstance(error, TimeoutError) else type(error).__name__
            ).message
        self._state, self._version, self._reason = OllamaState.READY, version, ""
        return ""

    def _absent(self, reason: str) -> None:
        self._state, self._version, self._reason = OllamaState.ABSENT, "", reason
        self._has = self._has.asleep

    async def _client_of(self, url: str) -> OllamaClient:
        if self._client is not None and self._client.url == url:
            return self._client
        await self._drop_client()
        self._has, self._reader = Inventory(), InventoryReader()
        # The client's package takes half a second to import: not before there is a server, nor in the loop.
        loop = asyncio.get_running_loop()
        module = await loop.run_in_executor(
            self._files, importlib.import_module, "backend_embedded.llm.ollama.client"
        )
        client: OllamaClient = module.OllamaClient(url, observer=self._observer)
        self._client = client
        return client

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    # -- its management ---------------------------------------------------------------------------

    def client(self) -> OllamaClient:
        """The connection to the server that answers.

        Raises:
            EngineError: none does.
        """
        if self._client is None or not self.ready:
            raise EngineError(
                self._reason or unreachable(self.url).message,
                remedy="Start Ollama, or let llama.cpp answer.",
                url=self.url,
            )
        return self._client

    async def status(self) -> OllamaStatus:
        """Whether it is there, and what it has in memory; asks it, within its time limit."""
        await self.look()
        return OllamaStatus(
            state=self._state,
            url="" if self._state is OllamaState.OFF else self.url,
            version=self._version,
            models=len(self._has.models) if self.ready else 0,
            running=self._has.running,
            reason=self._reason,
        )

    async def pull(self, name: str) -> AsyncGenerator[OllamaProgress, None]:
        """Have the server fetch a model; the last event has `done`. Closing the generator stops it.

        Raises:
            EngineError: no server, or it could not fetch it.
            ModelNotFound, InvalidInput: it knows no model of that name.
        """
        body = {"model": name, "stream": True}
        lines = self.client().lines("/api/pull", body, PULL_SILENCE_S, PULL_SILENCE_S)
        async with contextlib.aclosing(lines):
            try:
                async for line in lines:
                    done = line.get("status") == "success"
                    if done:
                        await self.look()
                    yield OllamaProgress(
                        status=str(line.get("status") or ""),
                        digest=line.get("digest") or "",
                        completed_bytes=line.get("completed") or 0,
                        total_bytes=line.get("total") or 0,
                        done=done,
                    )
            except EngineError as error:
                if "does not exist" in error.message or "not found" in error.message:
                    raise ModelNotFound(f"There is no model named {name} to fetch.", model=name) from error
                raise

    async def delete(self, name: str) -> None:
        """Have the server remove a model."""
        client = self.client()
        await _call(client, name, client.delete(name))
        await self.look()

    async def copy(self, name: str, new_name: str) -> None:
        """Have the server give a model a second name."""
        client = self.client()
        await _call(client, name, client.copy(name, new_name))
        await self.look()

    async def show(self, name: str) -> dict[str, Any]:
        """What the server tells about a model."""
        return await self.client().post("/api/show", {"model": name}, LIST_S)


async def _call(client: OllamaClient, name: str, call: Any) -> Any:
    from backend_embedded.llm.ollama.client import failures  # here, since the client is there already

    with failures(client.url, name):
        return await call
