"""What the chat page shows, as plain values; it knows neither Qt nor the network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from backend_embedded.contract.context import ContextPolicy
from backend_embedded.contract.conversations import (
    Conversation,
    ConversationSettings,
    Message,
)
from backend_embedded.contract.generation import Role
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.status import Capability, State
from ui.chat.finding.finding_state import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from backend_embedded.contract.context import AnswerContext, ContextUse
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.presets import Preset
    from ui.chat.chats.moving_state import Move
    from ui.chat.compare.compare_state import Comparison
    from ui.chat.files.files_state import PendingFile
    from ui.chat.live_answer import LiveAnswer

PAGE_SIZE = 20
"""Messages that are loaded at once."""


@dataclass(frozen=True)
class Transcript:
    """The loaded window of the shown branch, oldest message first."""

    messages: tuple[Message, ...] = ()
    total: int = 0
    """Length of the whole branch."""
    loading: bool = False
    error: ErrorBody | None = None
    """Why it could not be loaded."""
    below: int = 0
    """Messages of the branch under the loaded ones; 0 when the newest is shown."""

    @property
    def has_older(self) -> bool:
        """There are messages above the loaded ones."""
        return len(self.messages) + self.below < self.total

    def message(self, message_id: UUID) -> Message | None:
        """The message of that id, if it is loaded."""
        return next((m for m in self.messages if m.id == message_id), None)

    def with_message(self, message: Message) -> Transcript:
        """The same with the newer form of one message."""
        messages = tuple(message if m.id == message.id else m for m in self.messages)
        return replace(self, messages=messages)

    @property
    def last_context(self) -> AnswerContext | None:
        """What the model read for the last answer, when that was not all."""
        return self.last_answer.context if self.last_answer is not None else None

    @property
    def last_answer(self) -> Message | None:
        """The last answer of the branch."""
        return next((m for m in reversed(self.messages) if m.role is Role.ASSISTANT), None)


@dataclass(frozen=True)
class ChatState:
    """All that the page shows."""

    conversations: tuple[Conversation, ...] = ()
    loaded: bool = False
    """The list was read from the backend at least once."""
    selected: UUID | None = None
    """None: a new chat that has no message yet."""
    transcript: Transcript = Transcript()
    live: Mapping[UUID, LiveAnswer] = field(default_factory=dict)
    """Answers being made, by message id, in all conversations."""
    drafts: Mapping[UUID | None, str] = field(default_factory=dict)
    """Typed and not sent, by conversation; None is the new chat's."""
    models: tuple[Model, ...] = ()
    chosen_model: str | None = None
    """None: the backend's default."""
    engine: Engine | None = None
    model_capability: Capability | None = None
    connected: bool = False
    deleted: Conversation | None = None
    """The one deleted last, while it can be brought back here."""
    failure: ErrorBody | None = None
    """Why the last request failed before anything was stored."""
    welcome: bool = False
    runner_log: tuple[str, ...] = ()
    """Last lines of a model runner that ended."""
    ended_models: frozenset[str] = frozenset()
    """Models whose runner ended and that were not seen loaded since."""
    sending: bool = False
    """A question is on its way and nothing was stored yet."""
    editing: UUID | None = None
    """The question that is in the composer to be asked otherwise."""
    context: ContextUse | None = None
    """Where the tokens would go if this were sent now; None while it is not known."""
    fit_asked: bool = False
    """The choice what to do with what does not fit is open, although it may fit now."""
    new_settings: ConversationSettings = field(default_factory=ConversationSettings)
    """Those of the new chat, until its first message stores them."""
    files: tuple[PendingFile, ...] = ()
    """They go with the next question."""
    found: Found = field(default_factory=Found)
    """The search over all conversations."""
    found_here: Found = field(default_factory=Found)
    """The search within the shown one."""
    sought: UUID | None = None
    """The message that a search is to bring into sight."""
    archive_shown: bool = False
    moving: Move | None = None
    """The export or import that is under way for longer."""
    tag: str = ""
    """Only chats that have it are listed; empty for all."""
    presets: tuple[Preset, ...] = ()
    comparison: Comparison | None = None
    """Answers side by side, in place of the conversation."""

    @property
    def conversation(self) -> Conversation | None:
        """The selected conversation."""
        return next((c for c in self.conversations if c.id == self.selected), None)

    @property
    def settings(self) -> ConversationSettings:
        """How the shown conversation is answered."""
        return self.conversation.settings if self.conversation else self.new_settings

    @property
    def asked_model(self) -> str | None:
        """Name of the model that the next request asks for; None: the backend's default."""
        return self.settings.model or self.chosen_model

    @property
    def draft(self) -> str:
        """What was typed and not sent here."""
        stored = self.conversation.draft if self.conversation else ""
        return self.drafts.get(self.selected, stored)

    @property
    def does_not_fit(self) -> bool:
        """What is typed is more than the context holds, and nobody said yet what to do."""
        asks = self.settings.context_policy is ContextPolicy.ASK
        return self.context is not None and not self.context.fits and asks

    @property
    def title(self) -> str:
        """Title of the page's header."""
        return self.conversation.title if self.conversation else "New chat"

    @property
    def live_here(self) -> LiveAnswer | None:
        """The answer being made in the selected conversation."""
        return next((a for a in self.live.values() if a.conversation_id == self.selected), None)

    @property
    def writing(self) -> frozenset[UUID]:
        """Conversations in which an answer is being made."""
        here = {answer.conversation_id for answer in self.live.values()}
        return frozenset(here | {c.id for c in self.conversations if c.writing})

    @property
    def talkers(self) -> tuple[Model, ...]:
        """The models that write text; others only make vectors."""
        return tuple(model for model in self.models if not model.embeds)

    @property
    def model(self) -> Model | None:
        """The model of the next answer."""
        usable = [m for m in self.talkers if m.problem is None]
        chosen = next((m for m in usable if m.name == self.asked_model), None)
        return chosen or next((m for m in usable if m.default), usable[0] if usable else None)

    def model_title(self, name: str) -> str:
        """Name for people of the model called `name`."""
        return next((m.title for m in self.models if m.name == name), name or "Model")

    @property
    def engine_ready(self) -> bool:
        """Llama.cpp is there (or nothing was heard of it yet)."""
        return self.engine is None or self.engine.state is EngineState.READY

    @property
    def cannot_send(self) -> str:
        """Why a message cannot be sent now; empty when it can."""
        if not self.connected:
            return "Connection to the backend lost; sending works again when it is back"
        if self.engine is not None and self.engine.state is EngineState.BUILDING:
            return "The local engine is being built; sending works when it is done"
        if not self.engine_ready:
            return "There is no local engine yet; build it first"
        if self.models and self.model is None:
            return "No usable model was found in the models folder"
        if self.sending:
            return "The last message is being sent"
        if self.live_here is not None:
            return "An answer is being written; stop it first"
        if any(file.attachment is None and not file.refused for file in self.files):
            return "A file is still being read"
        return ""

    @property
    def model_down(self) -> bool:
        """The model capability is down."""
        return self.model_capability is not None and self.model_capability.state is State.DOWN


def ended_models(models: Iterable[Model], capability: Capability | None) -> frozenset[str]:
    """Of a backend just met: the model in use, when it is in trouble and in no memory, is being started again."""
    if capability is None or capability.state is not State.DEGRADED:
        return frozenset()
    return frozenset(model.name for model in models if model.default and not model.loaded)
