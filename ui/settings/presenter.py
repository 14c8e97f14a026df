"""Carries out what the user changes on the settings page, and follows what the backend says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from backend_embedded.contract.events import (
    CapabilityChanged,
    EngineChanged,
    ModelsChanged,
    SettingsChanged,
    Snapshot,
)
from ui.client.port import ClientError
from ui.settings.services import ServicesPresenter
from ui.settings.state import (
    FIELDS,
    About,
    Appearance,
    FieldName,
    NotAccepted,
    SettingsState,
    next_text_percent,
    patch_of,
    text_of,
)
from ui.watched_state import WatchedState

if TYPE_CHECKING:
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.events import Event
    from backend_embedded.contract.models import Engine
    from backend_embedded.contract.settings import BackendSettings
    from ui.settings.port import (
        LocalApiBackend,
        LocalApiFacts,
        Preferences,
        ServicesBackend,
        SettingsBackend,
    )


class SettingsPresenter(WatchedState[SettingsState]):
    """Keeps the page's state true to the backend's settings; knows no Qt.

    Args:
        backend: where the backend's settings, models and engine are.
        preferences: where the window's own settings are kept.
        apply_appearance: gives the window its looks; called at each change of them.
        local_api: where address and key of the local API are; None: this backend has none.
        services: tries addresses of servers and moves the data; None: this backend does not.
        home: the folders of this instance by name.
        read_about: finds the versions of the program's parts.
    """

    def __init__(
        self,
        backend: SettingsBackend,
        preferences: Preferences,
        apply_appearance: Callable[[Appearance], object],
        *,
        local_api: LocalApiBackend | None = None,
        services: ServicesBackend | None = None,
        home: Mapping[str, str] | None = None,
        read_about: Callable[[], Awaitable[About]] | None = None,
    ) -> None:
        kept = preferences.value
        look = Appearance(kept.theme, kept.text_percent, kept.reduced_motion)
        super().__init__(SettingsState(appearance=look, home=dict(home or {})))
        self._backend = backend
        self._preferences = preferences
        self._apply = apply_appearance
        self._local_api = local_api
        self._read_about = read_about
        self.services = (
            None if services is None else ServicesPresenter(services, lambda: self._state, self._change)
        )
        self._patching = asyncio.Lock()
        self._changes: dict[FieldName, int] = {}

    # The window's own settings

    def set_theme(self, theme: str) -> None:
        """Use `light`, `dark`, or what the desktop has (`system`)."""
        self._look(replace(self._state.appearance, theme=theme))

    def set_text_percent(self, percent: int) -> None:
        """Change the size of text."""
        self._look(replace(self._state.appearance, text_percent=percent))

    def step_text(self, step: int) -> None:
        """One size larger (+1) or smaller (-1)."""
        self.set_text_percent(next_text_percent(self._state.appearance.text_percent, step))

    def set_reduced_motion(self, reduced: bool) -> None:
        """Animate nothing, or do."""
        self._look(replace(self._state.appearance, reduced_motion=reduced))

    def _look(self, appearance: Appearance) -> None:
        if appearance == self._state.appearance:
            return
        self._preferences.change(
            theme=appearance.theme,
            text_percent=appearance.text_percent,
            reduced_motion=appearance.reduced_motion,
        )
        self._change(appearance=appearance)
        self._apply(appearance)

    # The backend's settings

    async def change(self, name: FieldName, text: str) -> None:
        """Take what was typed at once; a refused value stays in its field with the reason."""
        turn = self._changes[name] = self._changes.get(name, 0) + 1
        self._hold(name, text, "")
        try:
            patch = patch_of(name, text)
            async with self._patching:
                settings = await self._backend.patch_settings(patch)
        except NotAccepted as refused:
            self._hold(name, text, str(refused))
        except ClientError as error:
            if turn == self._changes[name]:
                self._hold(name, text, words_of(error.body))
        else:
            if turn == self._changes[name]:
                self._let_go(name)
            self._settings_are(settings)

    def revert(self, name: FieldName) -> None:
        """Forget what was typed and show the value in use."""
        self._changes[name] = self._changes.get(name, 0) + 1
        self._let_go(name)
        self._tell()

    def _hold(self, name: FieldName, text: str, error: str) -> None:
        errors = {field: words for field, words in self._state.errors.items() if field != name}
        if error:
            errors[name] = error
        self._change(typed={**self._state.typed, name: text}, errors=errors)

    def _let_go(self, name: FieldName) -> None:
        self._state = replace(
            self._state,
            typed={field: text for field, text in self._state.typed.items() if field != name},
            errors={field: words for field, words in self._state.errors.items() if field != name},
        )

    # The local engine

    async def build_engine(self) -> None:
        """Build the local engine, again if need be."""
        await self._ask_engine(self._backend.build_engine)

    async def cancel_build(self) -> None:
        """Give the build of the engine up."""
        await self._ask_engine(self._backend.cancel_engine_build)

    async def _ask_engine(self, call: Callable[[], Awaitable[Engine]]) -> None:
        try:
            engine = await call()
        except ClientError as error:
            self._change(engine_error=words_of(error.body))
        else:
            self._change(engine=engine, engine_error="")

    # Other servers, other programs

    async def find_ollama(self) -> None:
        """Ask how the Ollama server is; what cannot be read stays as it was."""
        try:
            self._change(ollama=await self._backend.ollama())
        except ClientError:
            return  # the cut that caused it is told by connection_changed

    async def read_local_api(self) -> None:
        """Read address and key of the local API."""
        if self._local_api is not None:
            await self._ask_local_api(self._local_api.local_api)

    async def make_new_key(self) -> None:
        """Make another key; programs with the old one are refused from then on."""
        if self._local_api is not None:
            await self._ask_local_api(self._local_api.new_local_api_key)

    async def _ask_local_api(self, call: Callable[[], Awaitable[LocalApiFacts]]) -> None:
        try:
            facts = await call()
        except ClientError as error:
            self._change(local_api_error=words_of(error.body))
        else:
            self._change(local_api=facts, local_api_error="")

    # About

    async def find_versions(self) -> None:
        """Find the versions of the program's parts, once."""
        if self._read_about is not None:
            read, self._read_about = self._read_about, None
            self._change(about=await read())

    # What the backend says

    def event_arrived(self, event: Event) -> None:
        """Follow one event of the backend's stream; those that do not concern this page are passed over."""
        match event:
            case Snapshot():
                self._state = replace(
                    self._state,
                    connected=True,
                    engine=event.engine,
                    models=event.models,
                    capabilities={one.name: one for one in event.status.capabilities},
                )
                self._settings_are(event.settings)
            case SettingsChanged():
                self._settings_are(event.settings)
            case EngineChanged():
                self._change(engine=event.engine, engine_error="")
            case ModelsChanged():
                self._change(models=event.models)
            case CapabilityChanged():
                one = event.capability
                self._change(capabilities={**self._state.capabilities, one.name: one})
                if one.name == "model" and self._state.ollama is not None:
                    self.spawn(self.find_ollama())
            case _:
                pass

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back."""
        if connected == self._state.connected:
            return
        self._change(connected=connected, engine_error="")
        if connected:
            self.spawn(self.resync())

    async def resync(self) -> None:
        """Read settings, engine and models from the backend; what cannot be read stays as it was."""
        try:
            settings = await self._backend.settings()
            engine = await self._backend.engine()
            models = await self._backend.models()
        except ClientError:
            return  # the cut that caused it is told by connection_changed, and the next snapshot mends it
        self._state = replace(self._state, engine=engine, models=tuple(models))
        self._settings_are(settings)

    def _settings_are(self, settings: BackendSettings) -> None:
        """Show these; an error goes when the value that was refused is the one in use now."""
        for name in FIELDS:
            if name in self._state.errors and self._state.typed.get(name) == text_of(settings, name):
                self._let_go(name)
        before = self._state.settings
        self._change(settings=settings)
        # what was read of them once is read again when the settings behind it are others
        if self._state.local_api is not None and before and before.local_api != settings.local_api:
            self.spawn(self.read_local_api())
        if self._state.ollama is not None and before and ollama_of(before) != ollama_of(settings):
            self.spawn(self.find_ollama())

    # Inside


def ollama_of(settings: BackendSettings) -> tuple[str, str, str]:
    """The settings that say which Ollama server is asked for what."""
    return settings.provider, settings.ollama_url, settings.ollama_model


def words_of(error: ErrorBody) -> str:
    """What happened and what to do, in one line."""
    return " ".join(part for part in (error.message, error.remedy) if part)
