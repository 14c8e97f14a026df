"""The end of an answer: checked, compared with what was expected, and stored however it came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from backend_embedded.chat.context_window import told_apart
from backend_embedded.chat.progress import Progress
from backend_embedded.chat.structured import mismatch, problem_of
from backend_embedded.contract.conversations import ChatFailed, Message, MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.generation import FinishReason, GenerationStats
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel
from backend_embedded.logs.context import current_request
from backend_embedded.storage.port import ConversationStore, Turn

log = logging.getLogger(__name__)

BACKEND_LEFT = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message="The backend was ended while it was answering.",
    remedy="Continue the answer, or ask again.",
)


class Ending:
    """Ends answers.

    Args:
        store: keeps them.
        model: says who answered one that was not finished.
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

    async def check(self, turn: Turn, progress: Progress) -> None:
        """Hold a whole answer against its schema, and its prompt's count against ours.

        Raises:
            ModelError: it is not as its schema says.
        """
        _check(turn, progress)
        await self._compare(turn, progress)

    async def complete(self, turn: Turn, progress: Progress) -> Message:
        """Keep a whole answer."""
        return await self._end(turn, MessageStatus.COMPLETE, progress.stats)

    async def failed(self, turn: Turn, error: ControlCenterError, progress: Progress) -> ChatFailed:
        """Keep what came of an answer that failed, and why."""
        body = ErrorBody(
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            details=error.details,
            trace_id=current_request.get().correlation_id,
        )
        try:
            stats = progress.stats or await self._measured(progress, FinishReason.ERROR)
            answer = await self._end(turn, MessageStatus.INCOMPLETE, stats, body)
        except ControlCenterError:
            # The store itself is what failed: the next start sets the message to incomplete.
            log.warning("The end of an answer could not be stored", exc_info=True)
            answer = turn.answer.model_copy(update={"status": MessageStatus.INCOMPLETE, "error": body})
        return ChatFailed(error=body, answer=answer)

    async def cut(self, turn: Turn, progress: Progress) -> None:
        """Keep what came of an answer that nobody hears any more: the client went away, or the program ends."""
        try:
            if self._leaving.is_set():
                await self._end(turn, MessageStatus.INCOMPLETE, None, BACKEND_LEFT)
                return
            stats = await self._measured(progress, FinishReason.CANCELLED)
            await self._end(turn, MessageStatus.STOPPED, stats)
        except ControlCenterError:
            log.warning("The end of a stopped answer could not be stored", exc_info=True)

    async def _measured(self, progress: Progress, reason: FinishReason) -> GenerationStats | None:
        return progress.measured(await self._model.models(), reason) if progress.tokens else None

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

    async def _compare(self, turn: Turn, progress: Progress) -> None:
        """Compare the count of the prompt that the provider told with ours, and keep a difference."""
        fitted, stats = progress.fitted, progress.stats
        if fitted is None or stats is None or progress.switched or progress.asked is None:
            return
        context = told_apart(fitted, stats.prompt_tokens, progress.asked.manner.policy)
        if context is not None:
            await self._store.set_context(turn.answer.id, context)


def _check(turn: Turn, progress: Progress) -> None:
    """Hold an answer against the schema of the conversation. Raises ModelError."""
    schema = progress.asked.manner.schema if progress.asked is not None else None
    if schema is None:
        return
    problem = problem_of(turn.answer.text + "".join(progress.text), schema)
    if problem is not None:
        cut = progress.stats is not None and progress.stats.finish_reason is FinishReason.LENGTH
        raise mismatch(problem, cut)
