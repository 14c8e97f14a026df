"""What those who watch the chat page's presenter are told while things happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.conversations import Message
    from ui.chat.state import ChatState


class ChatListener(Protocol):
    """One who watches the presenter; called on the loop's thread, must not block."""

    def state_changed(self, state: ChatState) -> None:
        """Anything but streamed text changed."""

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """Some more text of an answer; it is not in any state sent before."""

    def answer_finished(self, conversation_id: UUID, message: Message) -> None:
        """An answer is complete, stopped or cut off."""
