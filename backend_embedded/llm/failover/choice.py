"""Which provider and model are to answer, and why, from what is known of the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.errors import (
    ControlCenterError,
    EngineError,
    ModelLoading,
    NotEnoughMemory,
    QueueFull,
    TimedOut,
)
from backend_embedded.llm.names import LLAMA_CPP, OLLAMA, same_model


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the providers now.

    Attributes:
        ollama: the models of the Ollama server as last seen; empty when none was ever there.
        llama_cpp: the models of the local engine.
        usable: Ollama may be asked: it answers, and its circuit lets calls through.
        why_not: why Ollama is not asked, in words, when it was in use before; else empty.
    """

    ollama: Sequence[Model]
    llama_cpp: Sequence[Model]
    usable: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One provider that may answer.

    Attributes:
        ollama: it is Ollama; else llama.cpp.
        model: the name to ask for; None: its default model.
        reason: why it is not the first choice; empty when it is.
    """

    ollama: bool
    model: str | None
    reason: str = ""

    @property
    def provider(self) -> str:
        """Who it is."""
        return OLLAMA if self.ollama else LLAMA_CPP

    def lost_words(self, error: ControlCenterError) -> str:
        """Why somebody else goes on after it failed so."""
        return error.message if self.ollama else f"{LLAMA_CPP}: {error.message}"


def choices(settings: BackendSettings, wanted: str | None, grammar: bool, now: Situation) -> list[Choice]:
    """Who is asked, in order; never empty.

    Args:
        wanted: name of a model; None: the default one.
        grammar: the answer is to be held to a grammar, which Ollama cannot.
    """
    match settings.provider:
        case ModelProvider.LLAMA_CPP:
            return [Choice(False, wanted)]
        case ModelProvider.OLLAMA:
            return [Choice(True, wanted)]
        case ModelProvider.AUTO:
            pass
    ours = wanted is not None and has(now.llama_cpp, wanted)
    if grammar:
        return [Choice(False, wanted if ours else None, "Ollama knows no grammars." if now.usable else "")]
    if wanted is not None:
        return _named(wanted, ours, now)
    return _default(settings, now)


def has(models: Sequence[Model], name: str) -> bool:
    """Whether one of the models is called that; an absent tag is `latest`."""
    return any(same_model(model.name, name) for model in models)


def lacking_default(settings: BackendSettings, now: Situation) -> str | None:
    """The model that the settings name and nobody has; None when all is well."""
    if not now.usable or settings.provider is ModelProvider.LLAMA_CPP:
        return None
    wanted = settings.ollama_model or settings.default_model
    known = (*now.ollama, *(() if settings.provider is ModelProvider.OLLAMA else now.llama_cpp))
    return wanted if wanted and not has(known, wanted) else None


def _named(wanted: str, ours: bool, now: Situation) -> list[Choice]:
    theirs = has(now.ollama, wanted)
    if not theirs:
        return [Choice(False, wanted)]  # llama.cpp has it, or says that nobody does
    fallback = Choice(False, wanted if ours else None, now.why_not)
    return [Choice(True, wanted), fallback] if now.usable else [fallback]


def _default(settings: BackendSettings, now: Situation) -> list[Choice]:
    ours, theirs = Choice(False, None, now.why_not), Choice(True, None)
    if not now.usable or not any(not model.embeds for model in now.ollama):
        return [ours]
    default = settings.default_model
    if default and not settings.ollama_model and has(now.llama_cpp, default) and not has(now.ollama, default):
        return [Choice(False, None), theirs]  # the user's choice is a file of this machine
    return [theirs, ours]


def is_providers_fault(error: ControlCenterError) -> bool:
    """Whether another provider may well do what this one could not."""
    return isinstance(error, EngineError | TimedOut | QueueFull | NotEnoughMemory | ModelLoading)
