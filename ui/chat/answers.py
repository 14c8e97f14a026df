"""The answers that are being made: one stream each, in any number of conversations at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from backend_embedded.contract.conversations import (
    ChatFailed,
    ChatFinished,
    ChatStarted,
    MessageStatus,
    Seam,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import PromptProgress, Queued, Switched, TextDelta
from ui.chat import transcript_edits
from ui.chat.live_answer import LiveAnswer, Phase
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from uuid import UUID

    from backend_embedded.contract.conversations import ChatEvent, ChatRequest, Conversation, Message
    from ui.chat.state import ChatState
    from ui.client.port import Backend


class AnswerSink(Protocol):
    """The owner of the page's state, as the streams see it."""

    @property
    def state(self) -> ChatState:
        """The state now."""

    def change(self, **fields: Any) -> None:
        """Put other values into the state."""

    def tell(self) -> None:
        """Say that the state changed."""

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """Some more text."""

    def conversation_arrived(self, conversation: Conversation, *, select: bool = False) -> None:
        """A conversation's newer form."""

    def answer_ended(self, conversation_id: UUID, message: Message) -> None:
        """The answer is complete, stopped or cut off."""


@dataclass
class _Stream:
    key: UUID | None
    task: asyncio.Task[Any]
    sent_s: float
    answer: Message | None = None
    live: LiveAnswer | None = None
    parts: list[str] = field(default_factory=list)
    stopped: bool = False
    ended: bool = False


class AnswerStreams:
    """Reads the streams and keeps the progress and the text of each answer."""

    def __init__(self, backend: Backend, sink: AnswerSink, clock: Callable[[], float]) -> None:
        self._backend = backend
        self._sink = sink
        self._clock = clock
        self._streams: list[_Stream] = []
        self.unconfirmed: set[UUID] = set()
        """Answers whose stored form was not read since this side ended or lost them."""

    @property
    def texts(self) -> dict[UUID, list[str]]:
        """What has come of each answer that is being made."""
        return {s.answer.id: s.parts for s in self._streams if s.answer is not None and not s.ended}

    def live(self) -> dict[UUID, LiveAnswer]:
        """Progress of each answer that is being made, by message id."""
        now = self._clock()
        lives = [s.live for s in self._streams if s.live is not None and not s.ended]
        return {live.message_id: replace(live, now_s=now) for live in lives}

    def of(self, conversation_id: UUID | None) -> bool:
        """An answer is being made in this conversation."""
        return any(s.key == conversation_id for s in self._streams)

    def stop(self, conversation_id: UUID | None) -> None:
        """End the stream of this conversation; closing it stops the engine."""
        for stream in self._streams:
            if stream.key == conversation_id and not stream.stopped:
                stream.stopped = True
                stream.task.cancel()

    async def run(self, request: ChatRequest, key: UUID | None) -> ErrorBody | None:
        """Read one answer to its end; the error when nothing was stored."""
        task: asyncio.Task[None] = asyncio.ensure_future(self._read(request, key))
        try:
            await asyncio.shield(task)
        except ClientError as error:
            return error.body
        except asyncio.CancelledError:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise
        return None

    async def _read(self, request: ChatRequest, key: UUID | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        stream = _Stream(key, task, self._clock())
        self._streams.append(stream)
        events = self._backend.chat(request)
        try:
            async for event in events:
                self._take(stream, event)
            if not stream.ended:
                raise ClientError(_cut_short())
        except ClientError as error:
            if stream.answer is None:
                raise
            self._end(stream, MessageStatus.INCOMPLETE, error.body)
        except asyncio.CancelledError:
            self._end(stream, MessageStatus.STOPPED)
            raise
        finally:
            self._streams.remove(stream)
            await events.aclose()

    def _take(self, stream: _Stream, event: ChatEvent) -> None:
        match event:
            case ChatStarted():
                self._begin(stream, event)
            case Queued():
                self._progress(stream, phase=Phase.QUEUED, place=event.place)
            case PromptProgress():
                self._progress(stream, phase=Phase.READING, prompt_done=event.done, prompt_total=event.total)
            case TextDelta():
                self._write(stream, event)
            case Switched():
                self._add_seam(stream, event)
            case ChatFinished():
                self._finish(stream, event.answer)
            case ChatFailed():
                self._finish(stream, event.answer.model_copy(update={"error": event.error}))

    def _begin(self, stream: _Stream, event: ChatStarted) -> None:
        state = self._sink.state
        shown = state.selected == stream.key
        stream.key = event.conversation.id
        stream.answer = event.answer
        stream.parts = [event.answer.text] if event.answer.text else []
        model = event.answer.stats.model if event.answer.stats else (state.model.name if state.model else "")
        stream.live = LiveAnswer(event.conversation.id, event.answer.id, model, sent_s=stream.sent_s)
        if shown:
            transcript = transcript_edits.started(state.transcript, event)
            self._sink.conversation_arrived(event.conversation, select=True)
            self._sink.change(transcript=transcript, sending=False)
        else:
            self._sink.conversation_arrived(event.conversation)

    def _add_seam(self, stream: _Stream, event: Switched) -> None:
        """Another provider goes on; the page shows where."""
        if stream.answer is None:
            return
        seam = Seam(offset=event.offset, provider=event.provider, model=event.model, reason=event.reason)
        stream.answer = stream.answer.model_copy(update={"seams": (*stream.answer.seams, seam)})
        state = self._sink.state
        if state.selected == stream.key:
            self._sink.change(transcript=transcript_edits.replaced(state.transcript, stream.answer))

    def _progress(self, stream: _Stream, **fields: Any) -> None:
        if stream.live is not None:
            stream.live = replace(stream.live, **fields)
            self._sink.tell()

    def _write(self, stream: _Stream, event: TextDelta) -> None:
        if stream.live is None:
            return
        first = stream.live.phase is not Phase.WRITING
        first_s = self._clock() if first else stream.live.first_s
        stream.live = replace(stream.live, phase=Phase.WRITING, tokens=event.tokens, first_s=first_s)
        if first:
            self._sink.tell()
        stream.parts.append(event.text)
        self._sink.text_arrived(stream.live.conversation_id, stream.live.message_id, event.text)

    def _end(self, stream: _Stream, status: MessageStatus, error: ErrorBody | None = None) -> None:
        if stream.answer is not None and not stream.ended:
            self.unconfirmed.add(stream.answer.id)
            self._finish(stream, transcript_edits.ended(stream.answer, "".join(stream.parts), status, error))

    def _finish(self, stream: _Stream, answer: Message) -> None:
        stream.ended = True
        self._sink.answer_ended(answer.conversation_id, answer)


def _cut_short() -> ErrorBody:
    return ErrorBody(
        code=ErrorCode.BACKEND_UNREACHABLE,
        message="The backend ended the answer without saying why.",
        remedy="Continue the answer.",
    )
