"""Language models on this machine, and the engine that runs them."""

from __future__ import annotations

from enum import StrEnum

from backend_embedded.contract.wire import Wire


class ModelSource(StrEnum):
    """Where a model came from; it decides what removing it means."""

    STARTER = "starter"
    """Shipped with the program; cannot be removed."""
    FOLDER = "folder"
    """Found in the models folder: downloaded, imported or put there."""
    OLLAMA_STORE = "ollama_store"
    """A file of a local Ollama store, used in place."""
    OLLAMA = "ollama"
    """Served by an Ollama server."""


class Model(Wire):
    """One model that was found: a file, or one that a server has."""

    name: str
    """Unique; the file's name without `.gguf`."""
    title: str
    """Name for people, for example `TinyLlama 1.1B`."""
    provider: str
    path: str
    size_bytes: int
    architecture: str = ""
    quantization: str = ""
    parameters: int = 0
    context_length: int = 0
    """Training context in tokens."""
    license: str = ""
    loaded: bool = False
    default: bool = False
    problem: str | None = None
    """Why it cannot be used (truncated, unknown header); None when it can."""
    source: ModelSource = ModelSource.FOLDER
    pinned: bool = False
    """Stays in memory whatever the keep-alive says."""
    memory_bytes: int = 0
    """Memory needed to run it with the context of the settings; 0 while unknown."""
    tokens_per_s: float = 0
    """Decode rate measured on this machine, latest answer of some length; 0 while unknown."""
    embeds: bool = False
    """Made for vectors, not for text."""
    tools: bool = False
    """Its template has a place for tools."""


class EngineState(StrEnum):
    """Whether llama.cpp is there."""

    MISSING = "missing"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class BuildFailure(StrEnum):
    """Why the engine could not be built."""

    NO_COMPILER = "no_compiler"
    NO_CMAKE = "no_cmake"
    DISK_FULL = "disk_full"
    NO_SOURCE = "no_source"
    """Its source package could not be fetched: no network and no copy in the cache."""
    CANCELLED = "cancelled"
    OTHER = "other"


class Engine(Wire):
    """State of the local engine and of the job that builds it."""

    state: EngineState
    version: str = ""
    step: int = 0
    """Compile steps done."""
    steps: int = 0
    """Compile steps in all; 0 while unknown."""
    phase: str = ""
    """What is going on, in words: fetching, configuring, compiling, installing."""
    elapsed_s: float = 0
    failure: BuildFailure | None = None
    message: str = ""
    """What happened and what to do, when it failed."""
    log_tail: tuple[str, ...] = ()
    """The last lines of the build."""
