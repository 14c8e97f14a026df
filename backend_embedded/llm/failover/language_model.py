"""A language model that is Ollama while it answers and llama.cpp otherwise, also within one answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TypeVar

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged, Notice
from backend_embedded.contract.generation import Finished, Switched, TextDelta
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import ControlCenterError, ModelNotFound
from backend_embedded.llm.failover.answer import SharedAnswer
from backend_embedded.llm.failover.choice import Choice, Situation, choices, has, is_providers_fault
from backend_embedded.llm.failover.lacking import LackingModels
from backend_embedded.llm.failover.reliance import Reachable, Reliance
from backend_embedded.llm.names import LLAMA_CPP, default_among, same_model
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, LanguageModel, Prompt
from backend_embedded.resilience.breaker import CircuitBreaker

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_LOOK_S = 1.0
"""Longest wait of the very first question for the first look for Ollama."""


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
        self._reliance = Reliance(server, self._breaker, settings)
        self._lacking = LackingModels(publish)
        self._local: tuple[Model, ...] = ()
        self._told_models: tuple[Model, ...] | None = None
        self._told_capability: Capability | None = None

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
        if self._reliance.lost and settings.provider is ModelProvider.AUTO and local.state is State.OK:
            reason = f"{self._reliance.why_not()} {LLAMA_CPP} answers instead."
            return local.model_copy(
                update={"state": State.DEGRADED, "reason": reason, "since": self._reliance.lost_since}
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
                reason = choice.lost_words(error)
                log.info("%s; %s goes on at character %d", reason, following.provider, len(answer.text))
                name = await self._name_of(following)
                yield Switched(
                    provider=following.provider, model=name, reason=reason, offset=len(answer.text)
                )
                if answer.full:
                    yield answer.cut_at_limit(following.provider, name, reason)
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
        self._reliance.follow()
        capability = self.capability()
        if capability != self._told_capability:
            self._told_capability = capability
            self._publish(CapabilityChanged(capability=capability))
        models = self._merged()
        if models != self._told_models:
            self._told_models = models
            self._publish(ModelsChanged(models=models))
        self._lacking.tell(self._settings(), self._situation(), models)

    def notices(self) -> tuple[Notice, ...]:
        """What was told and still holds, for a window that was not there then."""
        return self._lacking.holding(self._settings(), self._situation())

    # -- who answers ------------------------------------------------------------------------------

    async def _first_look(self) -> None:
        """The first question of all waits for the first look, which is nearly always over by then."""
        if not self._server.sought.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._server.sought.wait()

    def _situation(self) -> Situation:
        usable = self._reliance.usable
        return Situation(
            ollama=self._server.models,
            llama_cpp=self._local,
            usable=usable,
            why_not="" if usable or not self._reliance.lost else self._reliance.why_not(),
        )

    def _choices(self, model: str | None, grammar: bool = False) -> list[Choice]:
        return choices(self._settings(), model, grammar, self._situation())

    async def _fresh_choices(self, model: str | None, grammar: bool = False) -> list[Choice]:
        """The choices, with llama.cpp's list read anew when a name is not known."""
        if not self._local or (model is not None and not has((*self._local, *self._server.models), model)):
            self._local = tuple(await self._llama_cpp.models())
        return self._choices(model, grammar)

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
            log.info("%s: %s does it instead", error.message, others[0].provider)
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


def _for(prompt: Prompt, model: str | None) -> Prompt:
    return replace(prompt, model=model)
