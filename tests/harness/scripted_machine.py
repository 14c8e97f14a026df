"""The part of the scripted backend that is about this machine: engine, settings, Ollama server, local API."""

from __future__ import annotations

import asyncio
from typing import Any

from backend_embedded.contract.local_api import LocalApiInfo
from backend_embedded.contract.models import BuildFailure, Engine, EngineState
from backend_embedded.contract.ollama import OllamaState, OllamaStatus
from backend_embedded.contract.settings import BackendSettings, LocalApi, SettingsPatch


class ScriptedMachine:
    """Answers in memory.

    Attributes:
        built, kept: engine and settings.
        building: how a build begins; it stands there until the test moves it on.
        server, door: the Ollama server; address and key of the local API.
        door_mode: who may use it in this run, whatever the settings say; None: as they say.
        changes: of the settings, in order.
        gate: while it is closed, changes of settings wait.
    """

    def __init__(self) -> None:
        self.built = Engine(state=EngineState.READY, version="0.3.36")
        self.building = Engine(state=EngineState.BUILDING, phase="starting")
        self.kept = BackendSettings()
        self.server = OllamaStatus(state=OllamaState.ABSENT, reason="Nothing listens on port 10104 or 11434.")
        self.door = LocalApiInfo(
            mode=LocalApi.KEY,
            url="http://127.0.0.1:10010",
            key="sk-scripted-0123456789",
            ollama_url="http://127.0.0.1:10010",
        )
        self.door_mode: LocalApi | None = None
        self.changes: list[dict[str, Any]] = []
        self.gate: asyncio.Event | None = None

    def _take(self, call: str, argument: Any = None) -> None:
        """Note a call, or refuse it; given by the whole backend."""
        raise NotImplementedError

    async def engine(self) -> Engine:
        """The engine as it stands."""
        self._take("engine")
        return self.built

    async def build_engine(self) -> Engine:
        """A build that has begun."""
        self._take("build_engine")
        self.built = self.building
        return self.built

    async def cancel_engine_build(self) -> Engine:
        """A build that was given up."""
        self._take("cancel_engine_build")
        self.built = Engine(state=EngineState.FAILED, failure=BuildFailure.CANCELLED)
        return self.built

    async def settings(self) -> BackendSettings:
        """The settings in use."""
        self._take("settings")
        return self.kept

    async def patch_settings(self, patch: SettingsPatch) -> BackendSettings:
        """Change what was given, when the gate is open."""
        self.changes.append(patch.model_dump(exclude_unset=True))
        if self.gate is not None:
            await self.gate.wait()
        self._take("patch_settings", patch)
        self.kept = self.kept.model_copy(update=patch.model_dump(exclude_unset=True))
        return self.kept

    async def ollama(self) -> OllamaStatus:
        """The server as it was arranged."""
        self._take("ollama")
        return self.server

    async def local_api(self) -> LocalApiInfo:
        """Address and key."""
        self._take("local_api")
        return self.door.model_copy(update={"mode": self.door_mode or self.kept.local_api})

    async def new_local_api_key(self) -> LocalApiInfo:
        """Another key."""
        self._take("new_local_api_key")
        self.door = self.door.model_copy(update={"key": f"{self.door.key}-next"})
        return await self.local_api()
