"""Carries a question to the model and its answer to the store and the client, piece by piece."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from uuid import UUID

from backend_embedded.chat.context_window import ContextWindow, Fitted
from backend_embedded.chat.ending import Ending
from backend_embedded.chat.progress import Progress
from backend_embedded.chat.read_ahead import ReadAhead
from backend_embedded.chat.reading import Reading
from backend_embedded.chat.title import title_from
from backend_embedded.chat.title_proposal import QUIET_S, TitleProposals
from backend_embedded.contract.context import ContextPolicy, ContextRequest, ContextUse, Summary
from backend_embedded.contract.conversations import (
    ChatFailed,
    ChatFinished,
    ChatRequest,
    ChatStarted,
    Seam,
    Summarizing,
)
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    PromptProgress,
    Queued,
    Role,
    Switched,
    TextDelta,
)
from backend_embedded.errors import ContextExceeded, ControlCenterError, InvalidInput
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.storage.port import ConversationStore, Turn

log = logging.getLogger(__name__)

FIRST_HISTORY = 2
"""Messages before a question with which an answer may still be the occasion of a title."""

AnyChatEvent = (
    ChatStarted | Queued | Summarizing | PromptProgress | TextDelta | Switched | ChatFinished | ChatFailed
)


class ChatService:
    """Answers in conversations.

    Args:
        store: keeps questions and answers.
        model: makes the answers.
        publish: told of every conversation that changed.
        leaving: set when the program ends; answers that are cut then can be continued.
        titles_wanted: whether the model may propose a title now.
        quiet_s: pause after an answer before a title is proposed.
        reads_ahead: whether the model may read what is typed before it is sent.
    """

    def __init__(
        self,
        store: ConversationStore,
        model: LanguageModel,
        publish: Callable[[ConversationChanged], None],
        leaving: asyncio.Event,
        titles_wanted: Callable[[], bool] = lambda: False,
        quiet_s: float = QUIET_S,
        reads_ahead: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._model = model
        self._publish = publish
        self._reading = Reading(store)
        self._window = ContextWindow(model)
        self._ending = Ending(store, model, publish, leaving)
        self.drafts = ReadAhead(model, reads_ahead)
        self.titles = TitleProposals(model, titles_wanted, self._entitle, quiet_s)

    async def close(self) -> None:
        """End what goes on without a request."""
        await self.drafts.close()
        await self.titles.close()

    async def context_use(self, request: ContextRequest) -> ContextUse:
        """Where the tokens would go if this were sent now.

        Raises:
            NotFound: a conversation, message or file that does not exist. Others as the model's.
        """
        draft = await self._reading.of_draft(request)
        use = await self._window.use(draft)
        if request.read_ahead and use.fits:
            self.drafts.begin(draft)
        return use

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """Give a summary another text; later answers read that. Raises NotFound."""
        return await self._store.change_summary(summary_id, text)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[AnyChatEvent, None]:
        """Store the question, then stream the answer; every piece is stored before it is yielded.

        The first event is `ChatStarted`, the last `ChatFinished` or `ChatFailed`. Closing the generator
        stops the engine and keeps what came as a stopped answer.

        Raises:
            InvalidInput, NotFound, Conflict, StorageUnavailable: before the first event; nothing was stored.
        """
        turn = await self._begin(request)
        self._publish(ConversationChanged(conversation=turn.conversation))
        progress = Progress()
        ended = answered = False
        self.titles.answer_begins()
        try:
            yield ChatStarted(conversation=turn.conversation, user_message=turn.question, answer=turn.answer)
            async with aclosing(self._answer(request, turn, progress)) as events:
                async for event in events:
                    yield event
            await self._ending.check(turn, progress)
            ended = True
            finished = ChatFinished(answer=await self._ending.complete(turn, progress))
            answered = True
            yield finished
        except ControlCenterError as error:
            ended = True
            yield await self._ending.failed(turn, error, progress)
        except Exception as error:
            log.exception("An answer failed in a way that nobody expected")
            ended = True
            yield await self._ending.failed(turn, ControlCenterError(f"The answer failed: {error}"), progress)
        finally:
            self.titles.answer_ends()
            if not ended:
                await self._ending.cut(turn, progress)
            elif answered:
                self._propose_title(turn, progress)

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
                as_root=request.as_root,
                attachments=request.attachments,
            )
        if request.answer_to is not None:
            return await self._store.answer_again(request.answer_to)
        assert request.continue_message is not None
        return await self._store.reopen(request.continue_message)

    # -- the answer -------------------------------------------------------------------------------

    async def _answer(
        self, request: ChatRequest, turn: Turn, progress: Progress
    ) -> AsyncGenerator[AnyChatEvent, None]:
        """Fit the prompt and stream what the model says to it."""
        question = progress.asked = await self._reading.of_turn(request, turn)
        for refused in (False, True):
            async with aclosing(self._fitted(turn, progress, refused)) as steps:
                async for step in steps:
                    yield step
            assert progress.fitted is not None
            prompt = Prompt(
                turns=progress.fitted.turns,
                continue_last=question.continue_last,
                model=question.manner.model,
                options=question.manner.options,
            )
            try:
                async with aclosing(self._heard(turn, prompt, progress)) as events:
                    async for event in events:
                        yield event
                return
            except ContextExceeded:
                # It was thought short enough not to be counted, or another provider has a smaller context.
                if refused or progress.text:
                    raise

    async def _fitted(
        self, turn: Turn, progress: Progress, refused: bool
    ) -> AsyncGenerator[AnyChatEvent, None]:
        """Make the prompt fit, and store what the model will not read."""
        assert progress.asked is not None

        async def keep(summary: Summary) -> Summary:
            return await self._store.keep_summary(turn.conversation.id, summary)

        known = None
        if progress.asked.manner.policy is ContextPolicy.SUMMARIZE:
            known = await self._reading.summary(turn.conversation.id, progress.asked)
        async with aclosing(self._window.fit(progress.asked, known, keep, refused=refused)) as steps:
            async for step in steps:
                if isinstance(step, Fitted):
                    progress.fitted = step
                    if step.context is not None:
                        await self._store.set_context(turn.answer.id, step.context)
                else:
                    yield step

    async def _heard(
        self, turn: Turn, prompt: Prompt, progress: Progress
    ) -> AsyncGenerator[AnyChatEvent, None]:
        """Stream the model's answer; text and seams are stored before they are passed on."""
        async with aclosing(self._model.generate(prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        progress.heard(event)
                        await self._store.append(turn.answer.id, event.text)
                        yield event
                    case Switched():
                        progress.switched = event
                        seam = _seam(event, turn, progress)
                        await self._store.add_seam(turn.answer.id, seam)
                        yield event.model_copy(update={"offset": seam.offset})
                    case Finished():
                        progress.stats = event.stats
                    case Queued() | PromptProgress():
                        yield event

    # -- titles -----------------------------------------------------------------------------------

    def _propose_title(self, turn: Turn, progress: Progress) -> None:
        """After a first answer; the client has it by now."""
        fitted, asked = progress.fitted, progress.asked
        if fitted is None or asked is None or asked.continue_last or len(asked.history) > FIRST_HISTORY:
            return
        answer = ChatTurn(role=Role.ASSISTANT, content="".join(progress.text))
        if turn.conversation.titled_by == "question" and answer.content.strip():
            self.titles.propose(turn.conversation.id, (*fitted.turns, answer), asked.manner.model)

    async def _entitle(self, conversation_id: UUID, title: str) -> None:
        changed = await self._store.entitle(conversation_id, title)
        self._publish(ConversationChanged(conversation=changed))


def _seam(event: Switched, turn: Turn, progress: Progress) -> Seam:
    """Where another provider goes on; counted from the beginning of the message."""
    offset = len(turn.answer.text) + progress.characters
    return Seam(offset=offset, provider=event.provider, model=event.model, reason=event.reason)
