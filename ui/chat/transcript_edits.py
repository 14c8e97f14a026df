"""How the events of a streamed answer change the loaded messages; pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import MessageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from backend_embedded.contract.conversations import ChatStarted, Message
    from backend_embedded.contract.errors import ErrorBody
    from ui.chat.state import Transcript


def started(transcript: Transcript, event: ChatStarted) -> Transcript:
    """The transcript with the new question and the empty answer, a sibling, or the continued answer."""
    answer = event.answer
    if transcript.message(answer.id) is not None:
        return replaced(transcript, answer)
    kept = list(transcript.messages)
    parent = event.user_message.parent_id if event.user_message else answer.parent_id
    places = [i for i, message in enumerate(kept) if message.id == parent]
    cut = places[0] + 1 if places else (0 if parent is None else len(kept))
    dropped = len(kept) - cut
    added = [event.user_message, answer] if event.user_message else [answer]
    messages = tuple(kept[:cut]) + tuple(m for m in added if m is not None)
    return replace(transcript, messages=messages, total=transcript.total - dropped + len(added), error=None)


def replaced(transcript: Transcript, message: Message) -> Transcript:
    """The transcript with the newer form of one message."""
    if transcript.message(message.id) is None:
        return transcript
    messages = tuple(message if m.id == message.id else m for m in transcript.messages)
    return replace(transcript, messages=messages)


def with_live_texts(transcript: Transcript, texts: Mapping[UUID, Sequence[str]]) -> Transcript:
    """The transcript with the text that has come so far in the answers being made."""
    if not any(message.id in texts for message in transcript.messages):
        return transcript
    messages = tuple(
        m.model_copy(update={"text": "".join(texts[m.id]), "status": MessageStatus.WRITING, "error": None})
        if m.id in texts
        else m
        for m in transcript.messages
    )
    return replace(transcript, messages=messages)


def ended(message: Message, text: str, status: MessageStatus, error: ErrorBody | None = None) -> Message:
    """The message as this side knows it when the stream ended without the backend's last word."""
    return message.model_copy(update={"text": text, "status": status, "error": error})


def prepended(transcript: Transcript, older: Sequence[Message], total: int) -> Transcript:
    """The transcript with older messages before the loaded ones."""
    known = {message.id for message in transcript.messages}
    fresh = tuple(message for message in older if message.id not in known)
    if not fresh:
        # An answer of nothing new means that there is nothing above; asking again would never end.
        return replace(transcript, total=len(transcript.messages) + transcript.below)
    return replace(transcript, messages=fresh + transcript.messages, total=total)
