"""Carries out what the user does on the chat page, and follows what the backend says."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.conversations import ChatRequest, ConversationPatch
from backend_embedded.contract.events import (
    CapabilityChanged,
    ConversationChanged,
    ConversationRemoved,
    EngineChanged,
    ModelsChanged,
    RunnerExited,
    SettingsChanged,
    Snapshot,
)
from ui.chat import transcript_edits
from ui.chat.answers import AnswerStreams
from ui.chat.drafts import DraftSaver
from ui.chat.state import PAGE_SIZE, ChatState, Transcript
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from uuid import UUID

    from backend_embedded.contract.conversations import Conversation, Message
    from backend_embedded.contract.events import Event
    from backend_embedded.contract.status import Capability
    from ui.chat.port import ChatListener
    from ui.chat.state import LiveAnswer
    from ui.client.port import Backend

MAX_RELOADED = 200
"""Messages that are read again at most; older ones come back by scrolling."""


class ChatPresenter:
    """Keeps the page's state true to the backend's store; knows no Qt.

    `clock` counts seconds and only goes forward. `on_welcome_ended` is called once, after the first answer
    or when the welcome is skipped, to remember it for ever.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        first_run: bool = False,
        on_welcome_ended: Callable[[], None] = lambda: None,
        selected: UUID | None = None,
        on_selected: Callable[[UUID | None], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        draft_delay_s: float = 0.6,
    ) -> None:
        self._backend = backend
        self._on_welcome_ended = on_welcome_ended
        self._state = ChatState(
            welcome=first_run, selected=selected, transcript=Transcript(loading=selected is not None)
        )
        self._on_selected, self._told_selected = on_selected, selected
        self._listeners: list[ChatListener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._selection = 0
        self._leaf_under: dict[UUID, UUID] = {}
        self._answers = AnswerStreams(backend, self, clock)
        self._drafts = DraftSaver(backend, self.spawn, draft_delay_s)

    @property
    def state(self) -> ChatState:
        """What the page shows now."""
        return replace(
            self._state,
            transcript=transcript_edits.with_live_texts(self._state.transcript, self._answers.texts),
            live=self._answers.live(),
        )

    def progress(self) -> Mapping[UUID, LiveAnswer]:
        """How far the answers are that are being made, as of now."""
        return self._answers.live()

    def listen(self, listener: ChatListener) -> None:
        """Tell this one of every change from now on."""
        self._listeners.append(listener)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do some of this object's work as a task that `close` ends; a failed request is shown."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits the work; it must be closed then.
        task.add_done_callback(lambda _: work.close())
        return task

    async def close(self) -> None:
        """Save the drafts, end every stream (which stops the engine) and all other work."""
        await self._drafts.flush()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the answer streams report

    def change(self, **fields: Any) -> None:
        """Put other values into the state and tell the listeners."""
        self._state = replace(self._state, **fields)
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
        others = tuple(c for c in self._state.conversations if c.id != conversation.id)
        known = len(others) < len(self._state.conversations)
        if conversation.deleted_at is not None:
            self._state = replace(self._state, conversations=others)
            self._leave(conversation.id)
        elif known:
            replaced = (conversation if c.id == conversation.id else c for c in self._state.conversations)
            self._state = replace(self._state, conversations=tuple(replaced))
        else:
            self._state = replace(self._state, conversations=(conversation, *others))
        if select:
            self._selection += 1
            self._adopt_draft(conversation.id)
            self._state = replace(self._state, selected=conversation.id)
        self.tell()

    def answer_ended(self, conversation_id: UUID, message: Message) -> None:
        """Put the finished answer into the transcript and tell the listeners."""
        if self._state.selected == conversation_id:
            transcript = transcript_edits.replaced(self._state.transcript, message)
            self._state = replace(self._state, transcript=transcript)
        if self._state.welcome and message.text:
            self.end_welcome()
        self.tell()
        for listener in self._listeners:
            listener.answer_finished(conversation_id, message)

    # What the user does

    async def select(self, conversation_id: UUID) -> None:
        """Show a conversation: its last messages now, older ones on demand."""
        if conversation_id == self._state.selected and not self._state.transcript.error:
            return
        self._selection += 1
        self._state = replace(self._state, welcome=False)
        self.change(selected=conversation_id, transcript=Transcript(loading=True), failure=None)
        await self._load(PAGE_SIZE)

    def new_chat(self) -> None:
        """Show an empty chat; it is stored with its first message."""
        self._selection += 1
        self.change(selected=None, transcript=Transcript(), failure=None)

    async def load_older(self) -> None:
        """Load the messages above the loaded ones."""
        transcript, selection = self._state.transcript, self._selection
        selected = self._state.selected
        if selected is None or transcript.loading or not transcript.has_older or not transcript.messages:
            return
        leaf, before = transcript.messages[-1].id, transcript.messages[0].id
        self.change(transcript=replace(transcript, loading=True))
        try:
            page = await self._backend.messages(selected, leaf=leaf, limit=PAGE_SIZE, before=before)
        finally:
            if selection == self._selection:
                self._state = replace(self._state, transcript=replace(self._state.transcript, loading=False))
        if selection == self._selection:
            self.change(
                transcript=transcript_edits.prepended(self._state.transcript, page.messages, page.total)
            )

    async def send(self, text: str) -> None:
        """Ask; the answer streams in. A refused question comes back as the draft."""
        if not text.strip() or self.state.cannot_send:
            return
        key = self._state.selected
        self._drafts.forget(key)
        drafts = {k: v for k, v in self._state.drafts.items() if k != key} | {key: ""}
        self.change(sending=True, failure=None, drafts=drafts)
        request = ChatRequest(conversation_id=key, content=text, model=self._state.chosen_model)
        await self._run(request, key, text)

    async def ask_again(self, message_id: UUID) -> None:
        """One more answer to the same question, beside the old one."""
        message = self._state.transcript.message(message_id)
        if message is None or message.parent_id is None or self.state.cannot_send:
            return
        self._remember_leaf()
        self.change(sending=True, failure=None)
        request = ChatRequest(
            conversation_id=message.conversation_id,
            answer_to=message.parent_id,
            model=self._state.chosen_model,
        )
        await self._run(request, message.conversation_id)

    async def continue_answer(self, message_id: UUID) -> None:
        """Go on with a cut or stopped answer, in place."""
        message = self._state.transcript.message(message_id)
        if message is None or self.state.cannot_send:
            return
        self.change(sending=True, failure=None)
        request = ChatRequest(
            conversation_id=message.conversation_id,
            continue_message=message_id,
            model=self._state.chosen_model,
        )
        await self._run(request, message.conversation_id)

    def stop(self) -> None:
        """End the answer that is being made in the shown conversation; what came is kept."""
        self._answers.stop(self._state.selected)

    async def show_sibling(self, message_id: UUID, step: int) -> None:
        """Show the next (+1) or previous (-1) answer to the same question."""
        message = self._state.transcript.message(message_id)
        if message is None or message_id not in message.siblings or self.state.live_here:
            return
        place = message.siblings.index(message_id) + step
        if not 0 <= place < len(message.siblings):
            return
        self._remember_leaf()
        other = message.siblings[place]
        leaf = self._leaf_under.get(other, other)
        patch = ConversationPatch(leaf_id=leaf)
        self.conversation_arrived(await self._backend.patch_conversation(message.conversation_id, patch))
        await self._load(max(PAGE_SIZE, min(len(self._state.transcript.messages), MAX_RELOADED)))

    async def rename(self, conversation_id: UUID, title: str) -> None:
        """Give a conversation another title; an empty one is ignored."""
        title = title.strip()[:200]
        if title:
            patch = ConversationPatch(title=title)
            self.conversation_arrived(await self._backend.patch_conversation(conversation_id, patch))

    async def delete(self, conversation_id: UUID) -> None:
        """Move a conversation to the bin; `undo_delete` brings it back."""
        conversation = next((c for c in self._state.conversations if c.id == conversation_id), None)
        if conversation is None:
            return
        self._answers.stop(conversation_id)
        await self._backend.delete_conversation(conversation_id)
        others = tuple(c for c in self._state.conversations if c.id != conversation_id)
        self._state = replace(self._state, conversations=others, deleted=conversation)
        self._leave(conversation_id)
        self.tell()

    async def undo_delete(self) -> None:
        """Bring the conversation that was deleted last back and show it."""
        conversation = self._state.deleted
        if conversation is None:
            return
        self._state = replace(self._state, deleted=None)
        patch = ConversationPatch(restore=True)
        self.conversation_arrived(await self._backend.patch_conversation(conversation.id, patch))
        await self.select(conversation.id)

    def choose_model(self, name: str | None) -> None:
        """Use this model from the next answer on; None is the backend's default."""
        self.change(chosen_model=name)

    def draft_changed(self, text: str) -> None:
        """Keep what was typed; it is saved when typing pauses."""
        key = self._state.selected
        if self._draft_of(key) == text:
            return
        # No listener is told: the composer is where this text comes from.
        self._state = replace(self._state, drafts={**self._state.drafts, key: text})
        if key is not None:
            self._drafts.changed(key, text)

    async def build_engine(self) -> None:
        """Build the local engine again."""
        await self._backend.build_engine()

    async def cancel_build(self) -> None:
        """Give the build of the engine up."""
        await self._backend.cancel_engine_build()

    def show_welcome(self) -> None:
        """Show the first-run welcome again."""
        self.new_chat()
        self.change(welcome=True)

    def end_welcome(self) -> None:
        """Leave the welcome for ever."""
        if self._state.welcome:
            self._on_welcome_ended()
            self.change(welcome=False)

    def dismiss_failure(self) -> None:
        """Take the error of the last request away."""
        self.change(failure=None)

    async def retry_load(self) -> None:
        """Read the shown conversation again after it could not be read."""
        await self._load(PAGE_SIZE)

    # What the backend says

    def event_arrived(self, event: Event) -> None:
        """Follow one event of the backend's stream."""
        match event:
            case Snapshot():
                self._state = replace(
                    self._state,
                    connected=True,
                    models=event.models,
                    engine=event.engine,
                    model_capability=_model_capability(event.status.capabilities),
                )
                self.tell()
                self.spawn(self.resync())
            case ConversationChanged():
                self._follow(event.conversation)
            case ConversationRemoved():
                left = tuple(c for c in self._state.conversations if c.id != event.conversation_id)
                self._state = replace(self._state, conversations=left)
                self._leave(event.conversation_id)
                self.tell()
            case ModelsChanged():
                self.change(models=event.models)
            case EngineChanged():
                self.change(engine=event.engine)
            case CapabilityChanged():
                if event.capability.name == "model":
                    self.change(model_capability=event.capability)
            case RunnerExited():
                self.change(runner_log=event.stderr_tail)
            case SettingsChanged():
                pass

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back; after a cut the store is read again."""
        if connected == self._state.connected:
            return
        self.change(connected=connected)
        if connected:
            self.spawn(self.resync())

    async def resync(self) -> None:
        """Read the list, and the shown conversation, from the store."""
        conversations = await self._backend.conversations(limit=1000)
        shown = tuple(c for c in conversations if c.deleted_at is None)
        self.change(conversations=shown, loaded=True)
        selected = self._state.selected
        if selected is not None and selected not in {c.id for c in shown}:
            self._leave(selected)
            self.tell()
        elif selected is not None:
            await self._reload()

    # Inside

    async def _run(self, request: ChatRequest, key: UUID | None, text: str = "") -> None:
        failure = await self._answers.run(request, key)
        self._state = replace(self._state, sending=False)
        if failure is not None:
            drafts = dict(self._state.drafts)
            if text and not drafts.get(key):
                drafts[key] = text
            self._state = replace(self._state, failure=failure, drafts=drafts)
        self.tell()

    def _follow(self, conversation: Conversation) -> None:
        self.conversation_arrived(conversation)
        if conversation.id != self._state.selected or self._answers.of(conversation.id):
            return
        transcript = self._state.transcript
        last = transcript.messages[-1] if transcript.messages else None
        unsettled = any(m.id in self._answers.unconfirmed for m in transcript.messages)
        other_leaf = last is None or last.id != conversation.leaf_id
        if not transcript.loading and not conversation.writing and (unsettled or other_leaf):
            self.spawn(self._reload())

    async def _reload(self) -> None:
        await self._load(max(PAGE_SIZE, min(len(self._state.transcript.messages), MAX_RELOADED)))

    async def _load(self, limit: int) -> None:
        selected, selection = self._state.selected, self._selection
        if selected is None:
            return
        try:
            page = await self._backend.messages(selected, limit=limit)
        except ClientError as error:
            if selection == self._selection:
                loaded = self._state.transcript
                shown = None if loaded.messages else error.body
                self.change(transcript=replace(loaded, loading=False, error=shown))
            return
        if selection != self._selection:
            return
        ids = {message.id for message in page.messages}
        if any(
            a.message_id not in ids for a in self._answers.live().values() if a.conversation_id == selected
        ):
            # The page was read before the answer that is being made was stored; the next event brings it.
            self.change(transcript=replace(self._state.transcript, loading=False))
            return
        self._answers.unconfirmed -= ids
        self.change(transcript=Transcript(messages=tuple(page.messages), total=page.total))

    def _adopt_draft(self, conversation_id: UUID) -> None:
        """What was typed into a new chat after its first question belongs to the conversation it became."""
        drafts = dict(self._state.drafts)
        typed = drafts.pop(None, "")
        if typed:
            drafts[conversation_id] = typed
        self._state = replace(self._state, drafts=drafts)

    def _leave(self, conversation_id: UUID) -> None:
        if self._state.selected == conversation_id:
            self._selection += 1
            self._state = replace(self._state, selected=None, transcript=Transcript())

    def _remember_leaf(self) -> None:
        messages = self._state.transcript.messages
        for message in messages:
            self._leaf_under[message.id] = messages[-1].id

    def _draft_of(self, key: UUID | None) -> str:
        conversation = self._state.conversation
        return self._state.drafts.get(key, conversation.draft if conversation and key else "")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as error:
            self.change(failure=error.body)


def _model_capability(capabilities: tuple[Capability, ...]) -> Capability | None:
    return next((c for c in capabilities if c.name == "model"), None)
