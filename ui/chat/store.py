"""Keeps the chat page's state and tells its listeners of every change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.conversations import ConversationSettings
from ui.chat import transcript_edits
from ui.chat.answers import AnswerStreams
from ui.chat.state import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from backend_embedded.contract.conversations import Conversation, Message
    from ui.chat.live_answer import LiveAnswer
    from ui.chat.port import ChatListener
    from ui.chat.state import ChatState
    from ui.client.port import Backend


class ChatStore:
    """Holds what is known, and the answers that are being made; these report to it.

    Attributes:
        kept: the state without the answers that are being made.
        answers: their streams.
        to_keep: settings that were chosen before their conversation was stored.
        selection: another number after each change of what is selected; late answers are told by it.
        arrivals: another number after each conversation that came or went; late lists are told by it.
    """

    def __init__(
        self,
        backend: Backend,
        state: ChatState,
        clock: Callable[[], float],
        on_selected: Callable[[UUID | None], None],
        on_welcome_ended: Callable[[], None],
    ) -> None:
        self.kept = state
        self.answers = AnswerStreams(backend, self, clock)
        self.selection = self.arrivals = 0
        self.to_keep: tuple[UUID, ConversationSettings] | None = None
        self._on_selected, self._told_selected = on_selected, state.selected
        self._on_welcome_ended = on_welcome_ended
        self._listeners: list[ChatListener] = []

    @property
    def state(self) -> ChatState:
        """All that the page shows now."""
        return replace(
            self.kept,
            transcript=transcript_edits.with_live_texts(self.kept.transcript, self.answers.texts),
            live=self.progress(),
        )

    def progress(self) -> Mapping[UUID, LiveAnswer]:
        """How far the answers are that are being made, as of now."""
        ended = self.kept.ended_models
        return {
            message_id: replace(answer, restarting=answer.model in ended)
            for message_id, answer in self.answers.live().items()
        }

    def listen(self, listener: ChatListener) -> None:
        """Tell this one of every change from now on."""
        self._listeners.append(listener)

    def put(self, **fields: Any) -> None:
        """Put other values into the state; the listeners are told by the next change."""
        self.kept = replace(self.kept, **fields)

    def change(self, **fields: Any) -> None:
        """Put other values into the state and tell the listeners."""
        self.put(**fields)
        self.tell()

    def tell(self) -> None:
        """Tell the listeners of the state as it is now."""
        state = self.state
        if state.selected != self._told_selected:
            self._told_selected = state.selected
            self._on_selected(state.selected)
        for listener in self._listeners:
            listener.state_changed(state)

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """Pass streamed text on, past the state."""
        for listener in self._listeners:
            listener.text_arrived(conversation_id, message_id, text)

    def conversation_arrived(self, conversation: Conversation, *, select: bool = False) -> None:
        """Put one conversation's newer form into the list, or take a deleted one out."""
        self.arrivals += 1
        others = tuple(c for c in self.kept.conversations if c.id != conversation.id)
        known = len(others) < len(self.kept.conversations)
        if conversation.deleted_at is not None:
            self.put(conversations=others)
            self.leave(conversation.id)
        elif known:
            replaced = (conversation if c.id == conversation.id else c for c in self.kept.conversations)
            self.put(conversations=tuple(replaced))
        else:
            self.put(conversations=(conversation, *others))
        if select:
            self.selection += 1
            self._adopt_draft(conversation.id)
            self._adopt_settings(conversation)
            # a new chat has no tag yet, and is to be seen in the list
            self.put(selected=conversation.id, tag="")
        self.tell()

    def conversation_gone(self, conversation_id: UUID, **fields: Any) -> None:
        """Take one conversation out, and put other values into the state."""
        self.arrivals += 1
        left = tuple(c for c in self.kept.conversations if c.id != conversation_id)
        self.put(conversations=left, **fields)
        self.leave(conversation_id)
        self.tell()

    def answer_ended(self, conversation_id: UUID, message: Message) -> None:
        """Put the finished answer into the transcript and tell the listeners."""
        if self.kept.selected == conversation_id:
            self.put(transcript=transcript_edits.replaced(self.kept.transcript, message))
        if self.kept.welcome and message.text:
            self.end_welcome()
        self.tell()
        for listener in self._listeners:
            listener.answer_finished(conversation_id, message)

    def end_welcome(self) -> None:
        """Leave the welcome for ever."""
        if self.kept.welcome:
            self._on_welcome_ended()
            self.change(welcome=False)

    def leave(self, conversation_id: UUID) -> None:
        """Show an empty chat in the place of this conversation, without telling."""
        if self.kept.selected == conversation_id:
            self.selection += 1
            self.put(selected=None, transcript=Transcript())

    def _adopt_settings(self, conversation: Conversation) -> None:
        """What was chosen for a new chat goes to the conversation that it became."""
        if self.kept.selected is None and self.kept.new_settings != ConversationSettings():
            self.to_keep = (conversation.id, self.kept.new_settings)
            self.put(new_settings=ConversationSettings())

    def _adopt_draft(self, conversation_id: UUID) -> None:
        """What was typed into a new chat after its first question belongs to the conversation it became."""
        drafts = dict(self.kept.drafts)
        typed = drafts.pop(None, "")
        if typed:
            drafts[conversation_id] = typed
        self.put(drafts=drafts)
