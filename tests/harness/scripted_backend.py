"""A backend that plays a script, in the place of the client: no process, no network, no clock of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from scripted_chat import ScriptedChat
from scripted_library import ScriptedLibrary
from scripted_machine import ScriptedMachine
from scripted_overview import ScriptedOverview
from scripted_services import ScriptedServices

from backend_embedded.contract.conversations import (
    ChatEvent,
    ChatFailed,
    ChatFinished,
    ChatRequest,
    ChatStarted,
    Conversation,
    ConversationPatch,
    Message,
    MessageStatus,
    SearchHit,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import Snapshot
from backend_embedded.contract.generation import (
    Failed,
    Finished,
    GenerateRequest,
    GenerationEvent,
    GenerationStats,
    Role,
)
from backend_embedded.contract.status import Capability, State, SystemStatus
from ui.client.port import ClientError, MessagePage

SCRIPTED_NOW = datetime(2026, 3, 4, 9, 58, tzinfo=UTC)
UNREACHABLE = ErrorBody(code=ErrorCode.BACKEND_UNREACHABLE, message="The backend does not answer.")
EVERY_CALL = "every call"

Played = ChatEvent | GenerationEvent | ClientError
Script = asyncio.Queue[Played]


class ScriptedBackend(ScriptedChat, ScriptedLibrary, ScriptedMachine, ScriptedOverview, ScriptedServices):
    """Conversations, models, engine and settings in memory; what streams is put in by the test.

    Each `chat` or `generate` plays one queue of events, the last one of `scripts`: it begins with what
    `prepare` was given, waits wherever the queue is empty, and ends after a last event. A `ClientError` in
    the queue is raised.

    Attributes:
        now: the time of everything that is made.
        listed, stored: conversations by id, and the messages of the branch that each shows.
        branches: messages of branches that are not shown, by their last one.
        capabilities: what the status says.
        requests, patches, asked: what was asked for, in order.
        closed: streams that came to their end or were closed.
    """

    def __init__(self, now: datetime = SCRIPTED_NOW) -> None:
        ScriptedChat.__init__(self)
        ScriptedLibrary.__init__(self)
        ScriptedMachine.__init__(self)
        ScriptedOverview.__init__(self)
        ScriptedServices.__init__(self)
        self.now = now
        self.listed: dict[UUID, Conversation] = {}
        self.stored: dict[UUID, list[Message]] = {}
        self.branches: dict[UUID, list[Message]] = {}
        self.capabilities: tuple[Capability, ...] = ()
        self.scripts: list[Script] = []
        self.requests: list[ChatRequest | GenerateRequest] = []
        self.patches: list[tuple[UUID, ConversationPatch]] = []
        self.asked: list[tuple[str, Any]] = []
        self.closed = 0
        self._refusals: dict[str, ErrorBody] = {}
        self._prepared: deque[Sequence[Played]] = deque()
        self._made = 0

    # What the test arranges

    def refuse(self, body: ErrorBody = UNREACHABLE, call: str = EVERY_CALL) -> None:
        """From now on answer with this error: every call, or those of one name."""
        self._refusals[call] = body

    def accept(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    def prepare(self, *events: Played) -> None:
        """What the next stream begins with."""
        self._prepared.append(events)

    def add(self, title: str, texts: Sequence[str] = (), *, at: datetime | None = None) -> Conversation:
        """A stored conversation: questions and answers in turn."""
        when, key = at or self.now, self.new_id()
        made: list[Message] = []
        for number, text in enumerate(texts):
            role = Role.ASSISTANT if number % 2 else Role.USER
            made.append(self.message(key, role, text, made[-1].id if made else None, created_at=when))
        leaf = made[-1].id if made else None
        conversation = Conversation(id=key, title=title, created_at=when, updated_at=when, leaf_id=leaf)
        self.listed[key], self.stored[key] = conversation, made
        return conversation

    def message(
        self, conversation_id: UUID, role: Role, text: str, parent: UUID | None, **fields: Any
    ) -> Message:
        """A message that is nowhere yet; complete, and the only one of its parent, unless told otherwise."""
        made = Message(
            id=self.new_id(),
            conversation_id=conversation_id,
            parent_id=parent,
            role=role,
            text=text,
            status=MessageStatus.COMPLETE,
            created_at=self.now,
        )
        return made.model_copy(update={"siblings": (made.id,)} | fields)

    def change_last(self, conversation: Conversation, **fields: Any) -> Message:
        """Change the last message of a stored conversation."""
        branch = self.stored[conversation.id]
        branch[-1] = branch[-1].model_copy(update=fields)
        return branch[-1]

    def started(self, conversation: Conversation, text: str, parent: UUID | None = None) -> ChatStarted:
        """The first event of an answer to a new question."""
        question = self.message(conversation.id, Role.USER, text, parent)
        writing = MessageStatus.WRITING
        answer = self.message(conversation.id, Role.ASSISTANT, "", question.id, status=writing)
        return ChatStarted(conversation=conversation, user_message=question, answer=answer)

    def new_id(self) -> UUID:
        """The next id; the same ones in every run."""
        self._made += 1
        return uuid5(NAMESPACE_OID, str(self._made))

    def snapshot(self) -> Snapshot:
        """The first event of the event stream."""
        return Snapshot(
            status=self._status(),
            engine=self.built,
            models=self.known,
            settings=self.kept,
            downloads=tuple(self.fetching.values()),
        )

    # What the window asks

    async def status(self) -> SystemStatus:
        """State of everything."""
        self._take("status")
        return self._status()

    async def conversations(
        self, limit: int = 100, offset: int = 0, *, archived: bool = False
    ) -> list[Conversation]:
        """Those that are not in the bin; the archived ones, or the others."""
        self._take("conversations")
        held = (c for c in self.listed.values() if c.deleted_at is None)
        return [c for c in held if (c.archived_at is not None) == archived][offset : offset + limit]

    async def create_conversation(self, title: str) -> Conversation:
        """Make an empty conversation."""
        self._take("create_conversation", title)
        return self.add(title)

    async def patch_conversation(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change what was given."""
        self._take("patch_conversation", conversation_id)
        self.patches.append((conversation_id, patch))
        changes = patch.model_dump(exclude_unset=True, exclude={"restore"})
        if patch.restore:
            changes["deleted_at"] = None
        if patch.settings is not None:
            changes["settings"] = patch.settings
        if (archived := changes.pop("archived", None)) is not None:
            changes["archived_at"] = self.now if archived else None
        self.listed[conversation_id] = self.listed[conversation_id].model_copy(update=changes)
        return self.listed[conversation_id]

    async def delete_conversation(self, conversation_id: UUID, purge: bool = False) -> None:
        """To the bin, or for good."""
        self._take("delete_conversation", conversation_id)
        gone = self.listed.pop(conversation_id)
        if not purge:
            self.listed[conversation_id] = gone.model_copy(update={"deleted_at": self.now})

    async def messages(
        self, conversation_id: UUID, leaf: UUID | None = None, limit: int = 20, before: UUID | None = None
    ) -> MessagePage:
        """The last ones of the branch."""
        self._take("messages", conversation_id)
        # a store answers later, never at once
        await asyncio.sleep(0)
        branch = self.stored[conversation_id]
        place = next((i for i, m in enumerate(branch) if m.id == leaf), -1)
        branch = branch[: place + 1] if place >= 0 else self.branches.get(leaf, branch) if leaf else branch
        end = next((i for i, m in enumerate(branch) if m.id == before), len(branch))
        return MessagePage(tuple(branch[max(0, end - limit) : end]), len(branch))

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Play the next script."""
        self._take("chat", request)
        script = self._begin(request)
        try:
            while True:
                event = await script.get()
                if isinstance(event, ClientError):
                    raise event
                assert not isinstance(event, Finished | Failed)
                yield event
                if isinstance(event, ChatFinished | ChatFailed):
                    return
        finally:
            self.closed += 1

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Play the next script."""
        self._take("generate", request)
        script = self._begin(request)
        try:
            while True:
                event = await script.get()
                if isinstance(event, ClientError):
                    raise event
                assert not isinstance(event, ChatStarted | ChatFinished | ChatFailed)
                yield event
                if isinstance(event, Finished | Failed):
                    return
        finally:
            self.closed += 1

    async def search(
        self, query: str, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[SearchHit]:
        """Messages that contain the words, marked."""
        self._take("search", query)
        held = (m for key, branch in self.stored.items() if conversation_id in (None, key) for m in branch)
        found = [m for m in held if query.lower() in m.text.lower() and m.conversation_id in self.listed]
        return [self._hit(message, query) for message in found][:limit]

    def _hit(self, message: Message, query: str) -> SearchHit:
        at = message.text.lower().index(query.lower())
        end = at + len(query)
        text = message.text
        start = max(0, at - 30)
        title = self.listed[message.conversation_id].title
        return SearchHit(
            conversation_id=message.conversation_id,
            conversation_title=title,
            message_id=message.id,
            snippet=f"{text[start:at]}\u0002{text[at:end]}\u0003{text[end : end + 60]}",
            role=message.role,
            created_at=message.created_at,
            in_title=query.lower() in title.lower(),
        )

    # Inside

    def _take(self, call: str, argument: Any = None) -> None:
        self.asked.append((call, argument))
        body = self._refusals.get(call) or self._refusals.get(EVERY_CALL)
        if body is not None:
            raise ClientError(body)

    def _begin(self, request: ChatRequest | GenerateRequest) -> Script:
        self.requests.append(request)
        script: Script = asyncio.Queue()
        for event in self._prepared.popleft() if self._prepared else ():
            script.put_nowait(event)
        self.scripts.append(script)
        return script

    def _status(self) -> SystemStatus:
        states = [one.state for one in self.capabilities]
        worst = next((state for state in (State.DOWN, State.DEGRADED) if state in states), State.OK)
        return SystemStatus(
            version="0.1.0",
            run_id="scripted",
            started_at=self.now,
            state=worst,
            capabilities=self.capabilities,
            figures=self.figures,
        )


def finished(first: ChatStarted, text: str, stats: GenerationStats | None = None) -> ChatFinished:
    """The last event of the answer that began with `first`."""
    done = {"text": text, "status": MessageStatus.COMPLETE, "stats": stats}
    return ChatFinished(answer=first.answer.model_copy(update=done))
