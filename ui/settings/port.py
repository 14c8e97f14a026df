"""What the settings page's presenter asks of others, and whom it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from backend_embedded.contract.data import DataJob, MoveRequest
    from backend_embedded.contract.models import Engine, Model
    from backend_embedded.contract.ollama import OllamaStatus
    from backend_embedded.contract.probes import ServiceFound, ServiceTest
    from backend_embedded.contract.settings import BackendSettings, SettingsPatch


class LocalApiFacts(Protocol):
    """Where other programs reach the local API, and with which key."""

    @property
    def mode(self) -> str:
        """`off`, `key` or `open`."""
        ...

    @property
    def url(self) -> str:
        """Address of the OpenAI API, without `/v1`; empty when it is off."""
        ...

    @property
    def key(self) -> str:
        """Goes as `Authorization: Bearer`."""
        ...

    @property
    def ollama_url(self) -> str:
        """Address of the Ollama API."""
        ...


class SettingsBackend(Protocol):
    """The calls of the backend that are about settings. Every method raises `ClientError`."""

    async def models(self) -> list[Model]:
        """All models on this machine."""
        ...

    async def engine(self) -> Engine:
        """State of the local engine."""
        ...

    async def build_engine(self) -> Engine:
        """Start the job that builds the engine."""
        ...

    async def cancel_engine_build(self) -> Engine:
        """Stop the job that builds the engine."""
        ...

    async def settings(self) -> BackendSettings:
        """The backend's settings."""
        ...

    async def patch_settings(self, patch: SettingsPatch, /) -> BackendSettings:
        """Change the fields that were given to the patch; the others are left alone."""
        ...

    async def ollama(self) -> OllamaStatus:
        """The Ollama server, as it was seen last."""
        ...


class LocalApiBackend(Protocol):
    """The calls of the backend that are about the local API. Every method raises `ClientError`."""

    async def local_api(self) -> LocalApiFacts:
        """Address and key of the local API."""
        ...

    async def new_local_api_key(self) -> LocalApiFacts:
        """Make another key; the old one is refused from then on."""
        ...


class ServicesBackend(Protocol):
    """The calls of the backend that are about servers behind it. Every method raises `ClientError`."""

    async def test_service(self, request: ServiceTest, /) -> ServiceFound:
        """Connect to a server and leave it again."""
        ...

    async def move_data(self, request: MoveRequest, /) -> DataJob:
        """Begin to copy everything to PostgreSQL."""
        ...

    async def move_data_back(self) -> DataJob:
        """Begin to copy everything into the file of the home."""
        ...

    async def data_job(self) -> DataJob:
        """The job that runs, or the last one."""
        ...

    async def cancel_data_job(self) -> DataJob:
        """Have the job that runs leave everything as it was."""
        ...


class WindowPreferences(Protocol):
    """What the window remembers of its looks."""

    @property
    def theme(self) -> str:
        """`system`, `light` or `dark`."""
        ...

    @property
    def text_percent(self) -> int:
        """Size of text, 100 is the designed one."""
        ...

    @property
    def reduced_motion(self) -> bool:
        """Nothing is animated."""
        ...


class Preferences(Protocol):
    """Keeps the window's preferences; neither call waits for a file."""

    @property
    def value(self) -> WindowPreferences:
        """The preferences now."""
        ...

    def change(self, **fields: Any) -> None:
        """Change some fields."""
        ...
