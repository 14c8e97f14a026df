"""The backend's settings: what is kept in `config/backend.json` of a home."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from backend_embedded.contract.wire import Wire


class ModelProvider(StrEnum):
    """Who is asked first."""

    AUTO = "auto"
    """Ollama when it answers, llama.cpp otherwise."""
    OLLAMA = "ollama"
    """Ollama only; nothing else answers when it is gone."""
    LLAMA_CPP = "llama_cpp"
    """llama.cpp only; Ollama is not looked for."""


class LocalApi(StrEnum):
    """Whether other programs may use the Ollama and OpenAI routes."""

    OFF = "off"
    KEY = "key"
    """With `Authorization: Bearer KEY`."""
    OPEN = "open"
    """Any program of this machine; Host and Origin are checked all the same."""


class BackendSettings(Wire):
    """Settings of the service layer; every field has a default that works."""

    models_folder: str = ""
    """Folder that is searched for GGUF files; empty: the home's own."""
    default_model: str = ""
    """Name of the model to use; empty: TinyLlama when it is there, else the starter model."""
    threads: int = Field(0, ge=0, le=256)
    """Threads that decode; 0: one for each physical core."""
    context_size: int = Field(4096, ge=256, le=1_048_576)
    """Tokens that one conversation may hold; at most the model's training context is used."""
    keep_alive_s: int = Field(300, ge=-1)
    """Seconds after the last use until a model is unloaded; -1: never."""
    provider: ModelProvider = ModelProvider.AUTO
    ollama_url: str = ""
    """Address of an Ollama server; empty: port 10104 of this machine, then 11434."""
    ollama_model: str = ""
    """Model to use with Ollama; empty: the default model's name there, else the first that it has."""
    first_token_s: float = Field(60, ge=1, le=3600)
    """Longest wait for the first token of another server before the next provider is asked."""
    pinned_models: tuple[str, ...] = ()
    ollama_store: str = ""
    """Folder of a local Ollama store whose models are used in place; empty: looked for in the usual places."""
    proxy: str = ""
    """Proxy of downloads, as a URL; empty: what the environment says."""
    local_api: LocalApi = LocalApi.KEY
    propose_titles: bool = True
    """The model proposes a title after the first answer."""
    read_ahead: bool = True
    """The local model reads a question while it is typed, when it has nothing else to do."""
    database_url: str = ""
    """Address of a PostgreSQL database (`postgresql://user:password@host:port/name`); empty: SQLite in the home."""
    audit_keep_days: int = Field(365, ge=0, le=36_500)
    """Days that lines of the audit log are kept; 0: for ever."""
    history_keep_days: int = Field(180, ge=0, le=36_500)
    """Days that the steps of tasks and the figures of agents are kept; 0: for ever."""
    cache: str = "auto"
    """`auto`: Redis when it answers on this machine, else in the program; `embedded`; or a `redis://` URL."""
    cache_answers: bool = False
    """An answer to the same request with temperature 0 or a seed is taken from the cache, and marked so."""
    rate_limit_per_minute: int = Field(0, ge=0, le=1_000_000)
    """Requests a minute that one API key may make at each route of the local API; 0: as many as it likes."""
    queue: str = "auto"
    """`auto`: RabbitMQ when it answers on this machine, else in the program; `embedded`; or an `amqp://` URL."""


class SettingsPatch(Wire):
    """Body of `PATCH /api/v1/settings`; a field that is absent is left alone."""

    models_folder: str | None = None
    default_model: str | None = None
    threads: int | None = Field(None, ge=0, le=256)
    context_size: int | None = Field(None, ge=256, le=1_048_576)
    keep_alive_s: int | None = Field(None, ge=-1)
    provider: ModelProvider | None = None
    ollama_url: str | None = None
    ollama_model: str | None = None
    first_token_s: float | None = Field(None, ge=1, le=3600)
    pinned_models: tuple[str, ...] | None = None
    ollama_store: str | None = None
    proxy: str | None = None
    local_api: LocalApi | None = None
    propose_titles: bool | None = None
    read_ahead: bool | None = None
    database_url: str | None = Field(None, pattern=r"^(postgres(ql)?(\+\w+)?://.*/.+)?$")
    """Used from the next start on; `sutazai data move` takes the data along."""
    audit_keep_days: int | None = Field(None, ge=0, le=36_500)
    history_keep_days: int | None = Field(None, ge=0, le=36_500)
    cache: str | None = None
    cache_answers: bool | None = None
    rate_limit_per_minute: int | None = Field(None, ge=0, le=1_000_000)
    queue: str | None = None
