"""Carries out what the user does on the chat page, and follows what the backend says."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.conversations import ChatRequest, ConversationPatch
from ui.chat.asking import Asking
from ui.chat.backend_news import BackendNews
from ui.chat.branches.branching import Branching
from ui.chat.branches.left_ends import LeftEnds
from ui.chat.branches.reading import BranchReading
from ui.chat.chats.keeping import Keeping
from ui.chat.chats.moving import Moving
from ui.chat.compare.comparing import Comparing
from ui.chat.context.watch import ContextWatch
from ui.chat.drafts import DraftSaver
from ui.chat.files.attaching import Attaching
from ui.chat.files.disk import Disk
from ui.chat.finding.finding import Finding
from ui.chat.finding.finding_state import Found
from ui.chat.loader import Loader
from ui.chat.settings_panel.choosing import Choosing
from ui.chat.state import ChatState, Transcript
from ui.chat.store import ChatStore
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from uuid import UUID

    from backend_embedded.contract.context import ContextPolicy
    from backend_embedded.contract.conversations import Conversation
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.events import Event
    from ui.chat.live_answer import LiveAnswer
    from ui.chat.port import ChatListener
    from ui.client.port import Backend


class ChatPresenter:
    """Keeps the page's state true to the backend's store; knows no Qt.

    `clock` counts seconds and only goes forward. `on_welcome_ended` is called once, after the first answer
    or when the welcome is skipped, to remember it for ever. `left` remembers where branches were left.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        first_run: bool = False,
        on_welcome_ended: Callable[[], None] = lambda: None,
        selected: UUID | None = None,
        on_selected: Callable[[UUID | None], None] = lambda _: None,
        left: LeftEnds | None = None,
        clock: Callable[[], float] = time.monotonic,
        draft_delay_s: float = 0.6,
        pause_s: float = 0.25,
    ) -> None:
        self._backend = backend
        state = ChatState(
            welcome=first_run, selected=selected, transcript=Transcript(loading=selected is not None)
        )
        self._store = ChatStore(backend, state, clock, on_selected, on_welcome_ended)
        self._loader = Loader(backend, self._store)
        self._news = BackendNews(self._store, self._loader, self.spawn)
        self._tasks: set[asyncio.Task[None]] = set()
        self._drafts = DraftSaver(backend, self.spawn, draft_delay_s)
        self._reading = BranchReading(backend, self._store, self._loader, left or LeftEnds())
        self.branches = Branching(backend, self)
        self.context = ContextWatch(backend, self, pause_s)
        self.disk = Disk()
        self.files = Attaching(backend, self, self.disk)
        self.finding = Finding(backend, self, pause_s)
        self.keeping = Keeping(backend, self)
        self.moving = Moving(backend, self, self.disk)
        self.choosing = Choosing(backend, self)
        self.comparing = Comparing(backend, self)
        self.listen(self.context)
        self._asking = Asking(self, self._store, self._drafts)

    @property
    def state(self) -> ChatState:
        """What the page shows now."""
        return self._store.state

    def progress(self) -> Mapping[UUID, LiveAnswer]:
        """How far the answers are that are being made, as of now."""
        return self._store.progress()

    def listen(self, listener: ChatListener) -> None:
        """Tell this one of every change from now on."""
        self._store.listen(listener)

    def put(self, **fields: Any) -> None:
        """Put other values into the state in silence."""
        self._store.put(**fields)

    def conversation_arrived(self, conversation: Conversation, *, select: bool = False) -> None:
        """Put one conversation's newer form into the list."""
        self._store.conversation_arrived(conversation, select=select)

    def change(self, **fields: Any) -> None:
        """Put other values into the state and tell the listeners."""
        self._store.change(**fields)

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
        self.context.end()
        await self._drafts.flush()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.disk.close()

    # What the user does

    async def select(self, conversation_id: UUID) -> None:
        """Show a conversation: its last messages now, older ones on demand."""
        if conversation_id == self._store.kept.selected and not self._store.kept.transcript.error:
            return
        self._store.selection += 1
        self._forget_passing_things()
        self.change(
            selected=conversation_id, transcript=Transcript(loading=True), failure=None, welcome=False
        )
        await self._loader.load()

    def new_chat(self) -> None:
        """Show an empty chat; it is stored with its first message."""
        self._store.selection += 1
        self._forget_passing_things()
        self.change(selected=None, transcript=Transcript(), failure=None)

    async def load_older(self) -> None:
        """Load the messages above the loaded ones."""
        await self._loader.load_older()

    async def send(self, text: str, once: ContextPolicy | None = None) -> None:
        """Ask; the answer streams in. A refused question comes back as the draft.

        `once` says what is done, for this question only, when it does not fit.
        """
        await self._asking.send(text, once)

    async def ask(self, request: ChatRequest, key: UUID | None, text: str = "") -> ErrorBody | None:
        """Send a request and read its answer to the end; the error when nothing was stored."""
        return await self._asking.ask(request, key, text)

    async def ask_again(self, message_id: UUID) -> None:
        """One more answer to the same question, beside the old one."""
        await self.branches.ask_again(message_id)

    async def continue_answer(self, message_id: UUID) -> None:
        """Go on with a cut or stopped answer, in place."""
        await self._asking.continue_answer(message_id)

    def stop(self) -> None:
        """End the answer that is being made in the shown conversation; what came is kept."""
        self._store.answers.stop(self._store.kept.selected)

    async def show_sibling(self, message_id: UUID, step: int) -> None:
        """Show the next (+1) or previous (-1) message beside this one."""
        await self._reading.show_sibling(message_id, step)

    async def show_leaf(self, leaf_id: UUID) -> None:
        """Show the branch of the selected conversation that goes through this message."""
        await self._reading.show_leaf(leaf_id)

    async def bring(self, message_id: UUID) -> None:
        """Load the place of a message of the selected conversation."""
        await self._reading.bring(message_id)

    def remember_leaf(self, below: UUID | None = None) -> None:
        """Note where the shown branch ends, to come back there; `below` gets a message beside it."""
        self._reading.remember_leaf(below)

    async def rename(self, conversation_id: UUID, title: str) -> None:
        """Give a conversation another title; an empty one is ignored."""
        title = title.strip()[:200]
        if title:
            patch = ConversationPatch(title=title)
            self._store.conversation_arrived(await self._backend.patch_conversation(conversation_id, patch))

    async def delete(self, conversation_id: UUID) -> None:
        """Move a conversation to the bin; `undo_delete` brings it back."""
        conversation = next((c for c in self._store.kept.conversations if c.id == conversation_id), None)
        if conversation is None:
            return
        self._store.answers.stop(conversation_id)
        await self._backend.delete_conversation(conversation_id)
        self._store.conversation_gone(conversation_id, deleted=conversation)

    async def undo_delete(self) -> None:
        """Bring the conversation that was deleted last back and show it."""
        conversation = self._store.kept.deleted
        if conversation is None:
            return
        self._store.put(deleted=None)
        patch = ConversationPatch(restore=True)
        self._store.conversation_arrived(await self._backend.patch_conversation(conversation.id, patch))
        await self.select(conversation.id)

    def choose_model(self, name: str | None) -> None:
        """Use this model from the next answer on; None is the backend's default."""
        self.change(chosen_model=name)
        if self._store.kept.settings.model not in (None, name):
            self.spawn(self.choosing.change(model=name))

    def draft_changed(self, text: str) -> None:
        """Keep what was typed; it is saved when typing pauses."""
        key = self._store.kept.selected
        self.context.typed(text)
        if self._draft_of(key) == text or self._store.kept.editing is not None:
            return
        # No listener is told: the composer is where this text comes from.
        self._store.put(drafts={**self._store.kept.drafts, key: text})
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
        self._store.end_welcome()

    def dismiss_failure(self) -> None:
        """Take the error of the last request away."""
        self.change(failure=None)

    async def retry_load(self) -> None:
        """Read the shown conversation again after it could not be read."""
        await self._loader.load()

    def give_up_loading(self) -> None:
        """Wait no longer for the shown conversation; it can be read again."""
        self._loader.give_up()

    # What the backend says

    def event_arrived(self, event: Event) -> None:
        """Follow one event of the backend's stream."""
        self._news.event_arrived(event)

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back; after a cut the store is read again."""
        self._news.connection_changed(connected)

    async def resync(self) -> None:
        """Read the list, and the shown conversation, from the store."""
        await self._loader.resync()

    # Inside

    def _forget_passing_things(self) -> None:
        """What belongs to the conversation that was shown, and not to its store."""
        if self._store.kept.comparison is not None:
            self.comparing.stop()
            self.put(comparison=None)
        self.put(editing=None, context=None, fit_asked=False, files=(), found_here=Found(), sought=None)

    def _draft_of(self, key: UUID | None) -> str:
        conversation = self._store.kept.conversation
        return self._store.kept.drafts.get(key, conversation.draft if conversation and key else "")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as error:
            self.change(failure=error.body)
