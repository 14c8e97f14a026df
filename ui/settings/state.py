"""What the settings page shows, and what a typed value means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from backend_embedded.contract.data import DataJob
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.ollama import OllamaStatus
from backend_embedded.contract.probes import ServiceKind
from backend_embedded.contract.settings import BackendSettings, LocalApi, ModelProvider, SettingsPatch
from backend_embedded.contract.status import Capability
from ui.settings.port import LocalApiFacts
from ui.settings.service_state import AUTO, EMBEDDED, Trial

FieldName = Literal[
    "models_folder",
    "default_model",
    "threads",
    "context_size",
    "keep_alive_s",
    "ollama_store",
    "proxy",
    "provider",
    "ollama_url",
    "ollama_model",
    "first_token_s",
    "local_api",
    "read_ahead",
    "propose_titles",
    "cache",
    "queue",
]
FIELDS: tuple[FieldName, ...] = get_args(FieldName)
THEMES = (("light", "Light"), ("dark", "Dark"), ("system", "System"))
TEXT_PERCENTS = (90, 100, 115, 130, 150)
ON, OFF = "on", "off"
"""What a switch says."""
MOST_THREADS = 256
SMALLEST_CONTEXT = 256
LARGEST_CONTEXT = 1_048_576
LONGEST_WAIT_S = 3600
ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
CACHE_ADDRESS = re.compile(r"(rediss?://[^\s/]+(/\S*)?|unix:///\S+)")
QUEUE_ADDRESS = re.compile(r"amqps?://[^\s/]+(/\S*)?")
KEEP_ALIVES = (
    (0, "Unload at once"),
    (60, "1 minute"),
    (300, "5 minutes"),
    (900, "15 minutes"),
    (3600, "1 hour"),
    (-1, "Never unload"),
)


class NotAccepted(ValueError):
    """What was typed makes no sense; the text says what would."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the window looks.

    Attributes:
        theme: `system`, `light` or `dark`.
        text_percent: size of text, 100 is the designed one.
        reduced_motion: nothing is animated.
    """

    theme: str = "system"
    text_percent: int = 100
    reduced_motion: bool = False


@dataclass(frozen=True, slots=True)
class Component:
    """Something that the program is made of."""

    name: str
    version: str
    license: str


@dataclass(frozen=True, slots=True)
class About:
    """Versions of the program and its parts."""

    version: str = ""
    python: str = ""
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsState:
    """What the page shows now.

    Attributes:
        appearance: how the window looks.
        connected: the backend answers.
        settings: the backend's; None until they were read once.
        engine: the local engine; None until it is known.
        models: all models that were found.
        typed: what was typed into a field and is not taken yet.
        errors: why a field's value was refused.
        engine_error: why the engine's build could not be started or cancelled.
        ollama: the Ollama server; None until it was asked for.
        local_api: address and key of the local API; None until they were read.
        local_api_error: why they could not be read, or no new key could be made.
        capabilities: what serves now, by name.
        trials: addresses that were tried.
        data_job: the move of the data that runs, or the last one of this window.
        data_error: why the data could not be moved.
        home: the folders of this instance by name.
        about: versions.
    """

    appearance: Appearance = Appearance()
    connected: bool = False
    settings: BackendSettings | None = None
    engine: Engine | None = None
    models: tuple[Model, ...] = ()
    typed: Mapping[FieldName, str] = field(default_factory=dict)
    errors: Mapping[FieldName, str] = field(default_factory=dict)
    engine_error: str = ""
    ollama: OllamaStatus | None = None
    local_api: LocalApiFacts | None = None
    local_api_error: str = ""
    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    trials: Mapping[ServiceKind, Trial] = field(default_factory=dict)
    data_job: DataJob | None = None
    data_error: str = ""
    home: Mapping[str, str] = field(default_factory=dict)
    about: About = About()

    @property
    def locked_because(self) -> str:
        """Why the backend's settings cannot be changed now; empty when they can."""
        if not self.connected:
            return "The backend is not connected. These settings can be changed when it is back."
        return "" if self.settings is not None else "The settings are being read."

    @property
    def can_build(self) -> bool:
        """A build of the engine can be started now."""
        building_helps = self.engine is not None and self.engine.state in (
            EngineState.MISSING,
            EngineState.FAILED,
        )
        return self.connected and building_helps

    @property
    def can_cancel_build(self) -> bool:
        """A build goes on and can be ended."""
        return self.connected and self.engine is not None and self.engine.state is EngineState.BUILDING

    def shown(self, name: FieldName) -> str:
        """The text that a field shows: what was typed, else the value in use."""
        if name in self.typed:
            return self.typed[name]
        return "" if self.settings is None else text_of(self.settings, name)


def text_of(settings: BackendSettings, name: FieldName) -> str:
    """A setting as it is typed; an empty text stands for the program's own choice."""
    match name:
        case "threads":
            return str(settings.threads) if settings.threads else ""
        case "first_token_s":
            return f"{settings.first_token_s:g}"
        case "read_ahead" | "propose_titles":
            return ON if getattr(settings, name) else OFF
        case _:
            return str(getattr(settings, name))


def patch_of(name: FieldName, text: str) -> SettingsPatch:
    """The change that a typed text asks for.

    Raises:
        NotAccepted: the text makes no sense for this setting.
    """
    text = text.strip()
    match name:
        case "models_folder":
            return SettingsPatch(models_folder=folder_in(text))
        case "default_model":
            return SettingsPatch(default_model=text)
        case "threads":
            return SettingsPatch(threads=whole_number(text or "0", 0, MOST_THREADS))
        case "context_size":
            return SettingsPatch(context_size=whole_number(text, SMALLEST_CONTEXT, LARGEST_CONTEXT))
        case "keep_alive_s":
            return SettingsPatch(keep_alive_s=whole_number(text, -1, 31_536_000))
        case "ollama_store":
            return SettingsPatch(ollama_store=folder_in(text))
        case "proxy":
            return SettingsPatch(proxy=address_in(text))
        case "provider":
            return SettingsPatch(provider=ModelProvider(text))
        case "ollama_url":
            return SettingsPatch(ollama_url=address_in(text))
        case "ollama_model":
            return SettingsPatch(ollama_model=text)
        case "first_token_s":
            return SettingsPatch(first_token_s=whole_number(text, 1, LONGEST_WAIT_S))
        case "local_api":
            return SettingsPatch(local_api=LocalApi(text))
        case "read_ahead":
            return SettingsPatch(read_ahead=text == ON)
        case "propose_titles":
            return SettingsPatch(propose_titles=text == ON)
        case "cache":
            return SettingsPatch(cache=server_in(text, CACHE_ADDRESS, "redis://127.0.0.1:6379"))
        case "queue":
            return SettingsPatch(queue=server_in(text, QUEUE_ADDRESS, "amqp://guest:guest@127.0.0.1:5672/"))


def server_in(text: str, pattern: re.Pattern[str], example: str) -> str:
    """`auto`, `embedded` or the address of a server as it was typed; raises NotAccepted."""
    setting = text.strip("\"'")
    if setting not in (AUTO, EMBEDDED) and not pattern.fullmatch(setting):
        raise NotAccepted(f"Type an address such as {example}.")
    return setting


def folder_in(text: str) -> str:
    """A folder as it was typed, without quotes around it; raises NotAccepted when it is not absolute."""
    folder = text.removeprefix("file://").strip("\"'")
    if folder and not folder.startswith(("/", "~")) and folder[1:2] != ":":
        raise NotAccepted("Type the whole path, beginning with /.")
    return folder


def address_in(text: str) -> str:
    """An address as it was typed, with `http://` when no scheme was; raises NotAccepted."""
    address = text.strip("\"'")
    if address and "://" not in address:
        address = f"http://{address}"
    if address and not ADDRESS.fullmatch(address):
        raise NotAccepted("Type an address such as http://127.0.0.1:11434.")
    return address.rstrip("/")


def whole_number(text: str, least: int, most: int) -> int:
    """The number that was typed; raises NotAccepted."""
    bare = text.replace(",", "").replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace("\u2009", "")
    try:
        number = int(bare)
    except ValueError:
        raise NotAccepted(f"Type a whole number from {least:,} to {most:,}.") from None
    if not least <= number <= most:
        raise NotAccepted(f"{number:,} is not between {least:,} and {most:,}.")
    return number


def model_options(state: SettingsState) -> list[tuple[str, str]]:
    """Value and words of each model that can be the default; a chosen one that is gone is kept and says so."""
    options = [("", "Automatic")]
    for model in state.models:
        if model.problem is None:
            words = " ".join(part for part in (model.title or model.name, model.quantization) if part)
            options.append((model.name, words))
    chosen = state.shown("default_model")
    if chosen and chosen not in dict(options):
        options.append((chosen, f"{chosen} (not found)"))
    return options


def keep_alive_options(state: SettingsState) -> list[tuple[str, str]]:
    """Value and words of each time; one that was set elsewhere is in the list too."""
    options = [(str(seconds), words) for seconds, words in KEEP_ALIVES]
    chosen = state.shown("keep_alive_s")
    if chosen and chosen not in dict(options):
        options.append((chosen, f"{int(chosen):,} s"))
    return options


def next_text_percent(now: int, step: int) -> int:
    """The next larger (+1) or smaller (-1) size of text; the last one stays."""
    if step > 0:
        return next((size for size in TEXT_PERCENTS if size > now), now)
    return next((size for size in reversed(TEXT_PERCENTS) if size < now), now)


def nearest_text_percent(now: int) -> int:
    """The offered size that is nearest to the one in use."""
    return min(TEXT_PERCENTS, key=lambda size: abs(size - now))
