"""Reads from the store what a model is to be asked."""

from __future__ import annotations

from uuid import UUID, uuid4

from backend_embedded.chat.asked import Asked, asked, manner
from backend_embedded.chat.turns import Sent, files_text, sent
from backend_embedded.contract.context import ContextRequest, Summary
from backend_embedded.contract.conversations import ChatRequest, Conversation, ConversationSettings, Message
from backend_embedded.contract.generation import Role
from backend_embedded.storage.port import ConversationStore, Turn


class Reading:
    """Makes prompts of what `store` keeps."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store

    async def of_turn(self, request: ChatRequest, turn: Turn) -> Asked:
        """What is asked in a turn that was stored."""
        branch = await self._store.branch(turn.conversation.id, turn.answer.id)
        goes_on = request.continue_message is not None and bool(turn.answer.text)
        messages = branch.messages if goes_on else branch.messages[:-1]
        way = manner(
            turn.conversation.settings,
            request.system,
            request.model,
            request.options,
            request.context_policy,
            goes_on=goes_on,
        )
        return asked(way, await self._sent(messages), continue_last=goes_on)

    async def of_draft(self, request: ContextRequest) -> Asked:
        """What would be asked with a question that is not stored."""
        settings = ConversationSettings()
        messages: tuple[Message, ...] = ()
        if request.conversation_id is not None:
            conversation = await self._store.conversation(request.conversation_id)
            settings = conversation.settings
            messages = await self._before(conversation, request)
        files = [await self._store.attachment_text(file) for file in request.attachments]
        question = Sent(uuid4(), Role.USER, request.content, files_text(files))
        way = manner(settings, request.system, request.model, request.options)
        return asked(way, (*await self._sent(messages), question), continue_last=False)

    async def summary(self, conversation_id: UUID, question: Asked) -> Summary | None:
        """The summary that stands for most of the first messages of this history."""
        ids = tuple(message.id for message in question.history)
        found = [
            summary
            for summary in await self._store.summaries(conversation_id)
            if summary.covers and summary.covers == ids[: len(summary.covers)]
        ]
        return max(found, key=lambda summary: len(summary.covers), default=None)

    async def _before(self, conversation: Conversation, request: ContextRequest) -> tuple[Message, ...]:
        parent = request.parent_id or conversation.leaf_id
        if request.as_root or parent is None:
            return ()
        return (await self._store.branch(conversation.id, parent)).messages

    async def _sent(self, messages: tuple[Message, ...]) -> tuple[Sent, ...]:
        with_files = [message for message in messages if message.attachments]
        files = {
            message.id: [await self._store.attachment_text(file.id) for file in message.attachments]
            for message in with_files
        }
        return tuple(sent(message, files) for message in messages)
