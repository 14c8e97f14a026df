"""Follows what the backend says in its stream of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend_embedded.contract.events import (
    CapabilityChanged,
    ConversationChanged,
    ConversationRemoved,
    EngineChanged,
    ModelsChanged,
    RunnerExited,
    Snapshot,
)
from ui.chat.state import ended_models

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from backend_embedded.contract.conversations import Conversation
    from backend_embedded.contract.events import Event
    from ui.chat.loader import Loader
    from ui.chat.store import ChatStore


class BackendNews:
    """Puts each event into the state; what an event does not bring is read by `loader` in a task of its own."""

    def __init__(
        self, store: ChatStore, loader: Loader, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._store = store
        self._loader = loader
        self._spawn = spawn

    def event_arrived(self, event: Event) -> None:
        """Follow one event; those that mean nothing for the chat are left alone."""
        store = self._store
        match event:
            case Snapshot():
                self._begin(event)
            case ConversationChanged():
                self._follow(event.conversation)
            case ConversationRemoved():
                store.conversation_gone(event.conversation_id)
            case ModelsChanged():
                loaded = {model.name for model in event.models if model.loaded}
                store.change(models=event.models, ended_models=store.kept.ended_models - loaded)
            case EngineChanged():
                store.change(engine=event.engine)
            case CapabilityChanged() if event.capability.name == "model":
                store.change(model_capability=event.capability)
            case RunnerExited():
                ended = store.kept.ended_models | {event.model}
                store.change(runner_log=event.stderr_tail, ended_models=ended)

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back; after a cut the store is read again."""
        if connected == self._store.kept.connected:
            return
        self._store.change(connected=connected)
        if connected:
            self._spawn(self._loader.resync())

    def _begin(self, event: Snapshot) -> None:
        capability = next((c for c in event.status.capabilities if c.name == "model"), None)
        self._store.change(
            connected=True,
            models=event.models,
            engine=event.engine,
            model_capability=capability,
            ended_models=ended_models(event.models, capability),
        )
        self._spawn(self._loader.resync())

    def _follow(self, conversation: Conversation) -> None:
        store = self._store
        store.conversation_arrived(conversation)
        if conversation.id != store.kept.selected or store.answers.of(conversation.id):
            return
        transcript = store.kept.transcript
        last = transcript.messages[-1] if transcript.messages else None
        unsettled = any(m.id in store.answers.unconfirmed for m in transcript.messages)
        other_leaf = last is None or last.id != conversation.leaf_id
        if not transcript.loading and not conversation.writing and (unsettled or other_leaf):
            self._spawn(self._loader.reload())
