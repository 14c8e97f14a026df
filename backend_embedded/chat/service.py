"""Carries a question to the model and its answer to the store and the client, piece by piece."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from backend_embedded.chat.title import title_from
from backend_embedded.contract.conversations import (
    ChatFailed,
    ChatFinished,
    ChatRequest,
    ChatStarted,
    Message,
    MessageStatus,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    FinishReason,
    GenerationStats,
    PromptProgress,
    Queued,
    Role,
    SamplingOptions,
    Switched,
    TextDelta,
)
from backend_embedded.contract.models import Model
from backend_embedded.errors import ControlCenterError, InvalidInput
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.logs.context import current_request
from backend_embedded.storage.port import ConversationStore, Turn

log = logging.getLogger(__name__)

BACKEND_LEFT = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message="The backend was ended while it was answering.",
    remedy="Continue the answer, or ask again.",
)

AnyChatEvent = ChatStarted | Queued | PromptProgress | TextDelta | Switched | ChatFinished | ChatFailed


@dataclass(slots=True)
class _Progress:
    """How far an answer got; what is known of one that was stopped."""

    asked_at: float
    first_at: float | None = None
    tokens: int = 0

    def heard(self, delta: TextDelta) -> None:
        if self.first_at is None:
            self.first_at = time.monotonic()
        self.tokens = delta.tokens

    def stats(self, model: Model | None, reason: FinishReason) -> GenerationStats:
        now = time.monotonic()
        decode_s = 0.0 if self.first_at is None else now - self.first_at
        return GenerationStats(
            provider="" if model is None else model.provider,
            model="" if model is None else model.name,
            quantization="" if model is None else model.quantization,
            completion_tokens=self.tokens,
            ttft_ms=0 if self.first_at is None else (self.first_at - self.asked_at) * 1_000,
            decode_ms=decode_s * 1_000,
            tokens_per_s=(self.tokens - 1) / decode_s if decode_s > 0 and self.tokens > 1 else 0,
            finish_reason=reason,
        )


class ChatService:
    """Answers in conversations.

    Args:
        store: keeps questions and answers.
        model: makes the answers.
        publish: told of every conversation that changed.
        leaving: set when the program ends; answers that are cut then can be continued.
    """

    def __init__(
        self,
        store: ConversationStore,
        model: LanguageModel,
        publish: Callable[[ConversationChanged], None],
        leaving: asyncio.Event,
    ) -> None:
        self._store = store
        self._model = model
        self._publish = publish
        self._leaving = leaving

    async def chat(self, request: ChatRequest) -> AsyncGenerator[AnyChatEvent, None]:
        """Store the question, then stream the answer; every piece is stored before it is yielded.

        The first event is `ChatStarted`, the last `ChatFinished` or `ChatFailed`. Closing the generator
        stops the engine and keeps what came as a stopped answer.

        Raises:
            InvalidInput, NotFound, Conflict, StorageUnavailable: before the first event; nothing was stored.
        """
        turn = await self._begin(request)
        self._publish(ConversationChanged(conversation=turn.conversation))
        progress = _Progress(time.monotonic())
        ended = False
        try:
            yield ChatStarted(conversation=turn.conversation, user_message=turn.question, answer=turn.answer)
            prompt = await self._prompt(request, turn)
            stats: GenerationStats | None = None
            async with aclosing(self._model.generate(prompt)) as events:
                async for event in events:
                    match event:
                        case TextDelta():
                            progress.heard(event)
                            await self._store.append(turn.answer.id, event.text)
                            yield event
                        case Finished():
                            stats = event.stats
                        case Queued() | PromptProgress() | Switched():
                            yield event
            ended = True
            yield ChatFinished(answer=await self._end(turn, MessageStatus.COMPLETE, stats))
        except ControlCenterError as error:
            ended = True
            yield await self._fail(request, turn, error, progress)
        except Exception as error:
            log.exception("An answer failed in a way that nobody expected")
            ended = True
            failure = ControlCenterError(f"The answer failed: {error}")
            yield await self._fail(request, turn, failure, progress)
        finally:
            if not ended:
                await self._cut(request, turn, progress)

    async def _begin(self, request: ChatRequest) -> Turn:
        asked = (request.content, request.answer_to, request.continue_message)
        if sum(choice is not None for choice in asked) != 1:
            raise InvalidInput(
                "Exactly one of content, answer_to and continue_message is needed.",
                fields=[
                    {"field": name, "problem": "exactly one of the three is needed"}
                    for name in ("content", "answer_to", "continue_message")
                ],
            )
        if request.content is not None:
            return await self._store.ask(
                request.content,
                title=title_from(request.content),
                conversation_id=request.conversation_id,
                parent_id=request.parent_id,
            )
        if request.answer_to is not None:
            return await self._store.answer_again(request.answer_to)
        assert request.continue_message is not None
        return await self._store.reopen(request.continue_message)

    async def _prompt(self, request: ChatRequest, turn: Turn) -> Prompt:
        branch = await self._store.branch(turn.conversation.id, turn.answer.id)
        turns = [ChatTurn(role=message.role, content=message.text) for message in branch.messages]
        goes_on = request.continue_message is not None and bool(turn.answer.text)
        if not goes_on:
            turns.pop()
        if request.system:
            turns.insert(0, ChatTurn(role=Role.SYSTEM, content=request.system))
        return Prompt(
            turns=tuple(turns),
            continue_last=goes_on,
            model=request.model,
            options=request.options or SamplingOptions(),
        )

    async def _fail(
        self, request: ChatRequest, turn: Turn, error: ControlCenterError, progress: _Progress
    ) -> ChatFailed:
        body = ErrorBody(
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            details=error.details,
            trace_id=current_request.get().correlation_id,
        )
        try:
            stats = await self._stats(request, progress, FinishReason.ERROR)
            answer = await self._end(turn, MessageStatus.INCOMPLETE, stats, body)
        except ControlCenterError:
            # The store itself is what failed: the next start sets the message to incomplete.
            log.warning("The end of an answer could not be stored", exc_info=True)
            answer = turn.answer.model_copy(update={"status": MessageStatus.INCOMPLETE, "error": body})
        return ChatFailed(error=body, answer=answer)

    async def _cut(self, request: ChatRequest, turn: Turn, progress: _Progress) -> None:
        """The client went away, or the program ends."""
        try:
            if self._leaving.is_set():
                await self._end(turn, MessageStatus.INCOMPLETE, None, BACKEND_LEFT)
                return
            stats = await self._stats(request, progress, FinishReason.CANCELLED)
            await self._end(turn, MessageStatus.STOPPED, stats)
        except ControlCenterError:
            log.warning("The end of a stopped answer could not be stored", exc_info=True)

    async def _stats(
        self, request: ChatRequest, progress: _Progress, reason: FinishReason
    ) -> GenerationStats | None:
        """What is known of an answer that the model did not finish; None before its first token."""
        if not progress.tokens:
            return None
        models = await self._model.models()
        return progress.stats(
            next((m for m in models if (m.name == request.model if request.model else m.default)), None),
            reason,
        )

    async def _end(
        self,
        turn: Turn,
        status: MessageStatus,
        stats: GenerationStats | None,
        error: ErrorBody | None = None,
    ) -> Message:
        answer = await self._store.finish(turn.answer.id, status, stats, error)
        changed = await self._store.conversation(turn.conversation.id)
        self._publish(ConversationChanged(conversation=changed))
        return answer
