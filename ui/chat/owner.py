"""The owner of the page's state, as the parts that work on it see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from uuid import UUID

    from backend_embedded.contract.conversations import ChatRequest, Conversation
    from backend_embedded.contract.errors import ErrorBody
    from ui.chat.state import ChatState


class ChatOwner(Protocol):
    """What `ChatPresenter` offers to its parts."""

    @property
    def state(self) -> ChatState:
        """The state now."""

    def change(self, **fields: Any) -> None:
        """Put other values into the state and tell the listeners."""

    def put(self, **fields: Any) -> None:
        """Put other values into the state in silence."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do some work that ends with the owner; a failed request is shown."""

    def conversation_arrived(self, conversation: Conversation, *, select: bool = False) -> None:
        """A conversation's newer form."""

    def draft_changed(self, text: str) -> None:
        """Keep this as what is typed in the shown chat."""

    def remember_leaf(self, below: UUID | None = None) -> None:
        """Note where the shown branch ends, to come back there; `below` gets a message beside it."""

    async def select(self, conversation_id: UUID) -> None:
        """Show a conversation."""

    async def bring(self, message_id: UUID) -> None:
        """Load the place of a message of the selected conversation."""

    async def show_leaf(self, leaf_id: UUID) -> None:
        """Show the branch of the selected conversation that goes through this message."""

    async def ask(self, request: ChatRequest, key: UUID | None, text: str = "") -> ErrorBody | None:
        """Send a request and read its answer to the end; the error when nothing was stored."""
