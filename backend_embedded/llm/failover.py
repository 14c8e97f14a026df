"""A language model that is Ollama while it answers and llama.cpp otherwise, also within one answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged, Notice
from backend_embedded.contract.generation import Finished, Switched, TextDelta
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import ControlCenterError, ModelNotFound
from backend_embedded.llm.failover_answer import SharedAnswer
from backend_embedded.llm.failover_choice import Choice, Situation, choices, has, lacking_default
from backend_embedded.llm.ollama_failures import is_providers_fault
from backend_embedded.llm.ollama_words import PRODUCT, PROVIDER, default_among, same_model
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, LanguageModel, Prompt
from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker

log = logging.getLogger(__name__)
T = TypeVar("T")

LLAMA_CPP = "llama.cpp"
FIRST_LOOK_S = 1.0
"""Longest wait of the very first question for the first look for Ollama."""


class Reachable(Protocol):
    """What is known of the Ollama server without asking it."""

    @property
    def ready(self) -> bool:
        """Whether it answered when it was last asked."""
        ...

    @property
    def sought(self) -> asyncio.Event:
        """Set when the first look is over."""
        ...

    @property
    def reason(self) -> str:
        """Why it does not answer."""
        ...

    @property
    def models(self) -> Sequence[Model]:
        """Its models as last seen."""
        ...


class FailoverLanguageModel:
    """Asks the first choice, and goes on with the next one when it is lost.

    Args:
        ollama: the models of a server.
        server: what is known of that server.
        llama_cpp: the local engine.
        settings: the settings as they are now.
        publish: takes events for the window.
        breaker: counts how Ollama's answers end.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        ollama: LanguageModel,
        server: Reachable,
        llama_cpp: LanguageModel,
        settings: Callable[[], BackendSettings],
        publish: Callable[[Event], None],
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ollama = ollama
        self._server = server
        self._llama_cpp = llama_cpp
        self._settings = settings
        self._publish = publish
        self._clock = clock
        self._breaker = breaker or CircuitBreaker(clock=clock)
        self._local: tuple[Model, ...] = ()
        self._lost = ""
        self._lost_since = datetime.now(UTC)
        self._was_in_use = False
        self._asked: tuple[ModelProvider, str] | None = None
        self._told_models: tuple[Model, ...] | None = None
        self._told_capability: Capability | None = None
        self._notices: dict[str, Notice] = {}

    # -- the port ---------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State of who would answer now; degraded only after Ollama was lost while it was in use."""
        settings = self._settings()
        if settings.provider is ModelProvider.OLLAMA:
            return self._ollama.capability()
        (first, *_) = self._choices(None)
        if first.ollama:
            return self._ollama.capability()
        local = self._llama_cpp.capability()
        if self._lost and settings.provider is ModelProvider.AUTO and local.state is State.OK:
            reason = f"{self._why_not()} {LLAMA_CPP} answers instead."
            return local.model_copy(
                update={"state": State.DEGRADED, "reason": reason, "since": self._lost_since}
            )
        return local

    async def models(self) -> Sequence[Model]:
        """The models of both; of two with one name that of the first choice, and one default in all."""
        self._local = tuple(await self._llama_cpp.models())
        return self._merged()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """Stream an answer; a provider that is lost is followed by the next one. See the port."""
        await self._first_look()
        answer = SharedAnswer(prompt, self._clock)
        candidates = await self._fresh_choices(prompt.model, prompt.options.grammar is not None)
        reason = candidates[0].reason
        for number, choice in enumerate(candidates):
            others = candidates[number + 1 :]
            try:
                async with aclosing(self._answered_by(choice, answer, reason)) as events:
                    async for event in events:
                        yield event
                return
            except ControlCenterError as error:
                if not others or not self._goes_on(error, prompt) or not answer.can_go_on:
                    raise
                following = others[0]
                reason = _lost_words(choice, error)
                log.info("%s; %s goes on at character %d", reason, _provider(following), len(answer.text))
                name = await self._name_of(following)
                yield Switched(
                    provider=_provider(following), model=name, reason=reason, offset=len(answer.text)
                )
                if answer.full:
                    yield answer.cut_at_limit(_provider(following), name, reason)
                    return
                answer.handed_over()

    async def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt by who would answer it."""
        return await self._first(prompt.model, lambda model, name: model.count_tokens(_for(prompt, name)))

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        """Tokens of each text by who would answer."""
        return await self._first(model, lambda one, name: one.count_texts(texts, name))

    async def context(self, model: str | None = None) -> ContextFacts:
        """What the context of who would answer holds."""
        return await self._first(model, lambda one, name: one.context(name))

    async def read_ahead(self, prompt: Prompt) -> None:
        """Have who would answer read it."""
        await self._first(prompt.model, lambda model, name: model.read_ahead(_for(prompt, name)))

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Vectors by who would answer."""
        return await self._first(model, lambda one, name: one.embed(texts, name))

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """Bring the model into memory at who would answer with it."""
        await self._first(model, lambda one, name: one.load(name, context_size))

    async def unload(self, model: str) -> None:
        """Free a model's memory, wherever it is."""
        if has(self._server.models, model):
            await self._ollama.unload(model)
        await self._llama_cpp.unload(model)

    # -- for the wiring ---------------------------------------------------------------------------

    def relay(self, event: Event) -> None:
        """Take an event of llama.cpp's adapter: what it says of models and state is told for both."""
        match event:
            case ModelsChanged():
                self._local = event.models
                self.tell()
            case CapabilityChanged():
                self.tell()
            case _:
                self._publish(event)

    def tell(self) -> None:
        """Publish what changed: who answers, the models, and a default model that nobody has."""
        self._follow()
        capability = self.capability()
        if capability != self._told_capability:
            self._told_capability = capability
            self._publish(CapabilityChanged(capability=capability))
        models = self._merged()
        if models != self._told_models:
            self._told_models = models
            self._publish(ModelsChanged(models=models))
        self._tell_lacking()

    # -- who answers ------------------------------------------------------------------------------

    async def _first_look(self) -> None:
        """The first question of all waits for the first look, which is nearly always over by then."""
        if not self._server.sought.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._server.sought.wait()

    def _situation(self) -> Situation:
        usable = self._server.ready and self._breaker.admits
        return Situation(
            ollama=self._server.models,
            llama_cpp=self._local,
            usable=usable,
            why_not="" if usable or not self._lost else self._why_not(),
        )

    def _choices(self, model: str | None, grammar: bool = False) -> list[Choice]:
        return choices(self._settings(), model, grammar, self._situation())

    async def _fresh_choices(self, model: str | None, grammar: bool = False) -> list[Choice]:
        """The choices, with llama.cpp's list read anew when a name is not known."""
        if not self._local or (model is not None and not has((*self._local, *self._server.models), model)):
            self._local = tuple(await self._llama_cpp.models())
        return self._choices(model, grammar)

    def _why_not(self) -> str:
        if not self._server.ready:
            return self._server.reason or f"{PRODUCT} does not answer."
        if self._breaker.state is BreakerState.OPEN:
            return f"{PRODUCT} failed several times; it is asked again in {self._breaker.opens_again_in_s:.0f} s."
        return self._lost

    def _follow(self) -> None:
        """Note whether Ollama is in use, and when it was lost."""
        settings = self._settings()
        asked = (settings.provider, settings.ollama_url)
        if asked != self._asked:
            self._asked, self._lost, self._was_in_use = asked, "", False
            self._breaker.reset()
        if self._server.ready and self._breaker.admits:
            self._was_in_use, self._lost = True, ""
        elif self._was_in_use and not self._lost:
            self._lost = self._why_not() or f"{PRODUCT} was lost."
            self._lost_since = datetime.now(UTC)

    async def _answered_by(
        self, choice: Choice, answer: SharedAnswer, reason: str
    ) -> AsyncGenerator[GenerationStep, None]:
        """One provider's part of an answer, counted by the circuit breaker when it is Ollama's."""
        model = self._ollama if choice.ollama else self._llama_cpp
        call = self._breaker.admit() if choice.ollama else None
        try:
            async with aclosing(model.generate(answer.next_prompt(choice.model))) as events:
                async for event in events:
                    match event:
                        case TextDelta():
                            yield answer.wrote(event)
                        case Finished():
                            if call is not None:
                                call.succeeded()
                            yield answer.finished(event, reason)
                        case _:
                            yield event
        except ControlCenterError as error:
            if call is not None and is_providers_fault(error):
                call.failed()
            raise
        finally:
            if call is not None:
                call.left()
                self.tell()

    def _goes_on(self, error: ControlCenterError, prompt: Prompt) -> bool:
        """Whether another provider may be asked after this failure."""
        if isinstance(error, ModelNotFound):
            return prompt.model is None  # the default one was removed since the last look
        return is_providers_fault(error)

    async def _first(self, model: str | None, work: Callable[[LanguageModel, str | None], Awaitable[T]]) -> T:
        """Have the first provider that can do it do it."""
        await self._first_look()
        (first, *others) = await self._fresh_choices(model)
        try:
            return await work(self._ollama if first.ollama else self._llama_cpp, first.model)
        except ControlCenterError as error:
            if not others or not is_providers_fault(error):
                raise
            self.tell()
            log.info("%s: %s does it instead", error.message, _provider(others[0]))
        other = others[0]
        return await work(self._ollama if other.ollama else self._llama_cpp, other.model)

    async def _name_of(self, choice: Choice) -> str:
        """The name of the model that a choice means."""
        if choice.model is not None:
            return choice.model
        models = await (self._ollama if choice.ollama else self._llama_cpp).models()
        return next((model.name for model in models if model.default), "")

    # -- what is told -----------------------------------------------------------------------------

    def _merged(self) -> tuple[Model, ...]:
        (first, *_) = self._choices(None)
        provider = self._settings().provider
        theirs = self._server.models if provider is not ModelProvider.LLAMA_CPP and self._server.ready else ()
        default = default_among(theirs, self._settings()) if first.ollama else None
        found = [
            model.model_copy(update={"default": default is not None and model.name == default.name})
            for model in theirs
        ]
        found += [
            model.model_copy(update={"default": model.default and not first.ollama})
            for model in self._local
            if not any(same_model(model.name, other.name) for other in theirs)
        ]
        return tuple(found)

    def _tell_lacking(self) -> None:
        """Tell once that the model of the settings is nowhere, with what can be done; nothing is degraded."""
        settings = self._settings()
        lacking = lacking_default(settings, self._situation())
        if lacking is None:
            return
        if lacking in self._notices:
            return
        instead = next((model for model in self._merged() if model.default), None)
        use = () if instead is None else (f"use_model:{instead.name}",)
        named = "It has no other model." if instead is None else f"{instead.title} is used instead."
        notice = Notice(
            id=f"model-lacking:{lacking}",
            title=f"{PRODUCT} has no model named {lacking}",
            message=f"The settings name {lacking} as the model to use, but it is not there. {named}",
            actions=(*use, f"pull:{lacking}", "open_settings"),
        )
        self._notices[lacking] = notice
        self._publish(notice)

    def notices(self) -> tuple[Notice, ...]:
        """What was told and still holds, for a window that was not there then."""
        lacking = lacking_default(self._settings(), self._situation())
        return tuple(notice for name, notice in self._notices.items() if name == lacking)


def _provider(choice: Choice) -> str:
    return PROVIDER if choice.ollama else LLAMA_CPP


def _for(prompt: Prompt, model: str | None) -> Prompt:
    return replace(prompt, model=model)


def _lost_words(choice: Choice, error: ControlCenterError) -> str:
    """Why somebody else goes on."""
    return error.message if choice.ollama else f"{LLAMA_CPP}: {error.message}"
