"""Exports of other programs read as conversations of this one: ChatGPT and Open WebUI.

ChatGPT: `conversations.json`, a list of `{title, create_time, update_time, current_node, mapping}`; `mapping` is
a tree of nodes `{id, parent, message: {author: {role}, content: {content_type, parts}, create_time}}`.
Open WebUI: a list of `{id, title, created_at, updated_at, chat: {title, history: {currentId, messages}}}`;
`messages` maps ids to `{id, parentId, role, content, timestamp, model}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from backend_embedded.contract.conversations import Conversation, Message, MessageStatus
from backend_embedded.contract.generation import GenerationStats, Role
from backend_embedded.contract.transfer import WholeConversation

NAMES = UUID("6f2f1a53-7a53-4c1c-9a36-6cf0c5d1c5b1")
"""Ids are made of the foreign ones, so that the same file imported twice is known."""
ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Node:
    """A message of a foreign tree; a node that is not `kept` only joins its parent and its children."""

    key: str
    parent: str | None
    role: Role | None = None
    text: str = ""
    at: datetime | None = None
    model: str = ""


@dataclass(slots=True)
class Skipped:
    """What could not be taken, each once, in words."""

    words: list[str] = field(default_factory=list)

    def add(self, words: str) -> None:
        """Remember it."""
        if words not in self.words:
            self.words.append(words)


def is_chatgpt(value: Any) -> bool:
    """Whether a file looks like ChatGPT's."""
    return _list_of(value, "mapping")


def is_open_webui(value: Any) -> bool:
    """Whether a file looks like Open WebUI's."""
    return _list_of(value, "chat")


def from_chatgpt(value: list[dict[str, Any]], skipped: Skipped) -> list[WholeConversation]:
    """ChatGPT's conversations."""
    return [_chatgpt(one, skipped) for one in value]


def from_open_webui(value: list[dict[str, Any]], skipped: Skipped) -> list[WholeConversation]:
    """Open WebUI's conversations."""
    return [_open_webui(one) for one in value]


def _chatgpt(one: Mapping[str, Any], skipped: Skipped) -> WholeConversation:
    nodes = [_chatgpt_node(str(key), node, skipped) for key, node in one["mapping"].items()]
    key = str(one.get("conversation_id") or one.get("id") or one.get("create_time"))
    return _whole(
        f"chatgpt:{key}",
        str(one.get("title") or "Imported chat"),
        _time(one.get("create_time")),
        _time(one.get("update_time")),
        nodes,
        one.get("current_node"),
    )


def _chatgpt_node(key: str, node: Mapping[str, Any], skipped: Skipped) -> Node:
    parent = node.get("parent")
    found = Node(key, None if parent is None else str(parent))
    message = node.get("message")
    if not message:
        return found
    content = message.get("content") or {}
    role = ROLES.get((message.get("author") or {}).get("role", ""))
    if role is None or (message.get("metadata") or {}).get("is_visually_hidden_from_conversation"):
        return found
    if content.get("content_type") not in ("text", "multimodal_text", "code"):
        skipped.add(f"parts of the kind {content.get('content_type')}")
        return found
    parts = content.get("parts") or ([content["text"]] if content.get("text") else [])
    if any(not isinstance(part, str) for part in parts):
        skipped.add("images and files")
    text = "\n".join(part for part in parts if isinstance(part, str))
    if text:
        found.role, found.text = role, text
        found.at = _time(message.get("create_time"))
        found.model = str((message.get("metadata") or {}).get("model_slug") or "")
    return found


def _open_webui(one: Mapping[str, Any]) -> WholeConversation:
    chat = one["chat"]
    history = chat.get("history") or {}
    nodes = [
        Node(
            str(key),
            message.get("parentId"),
            ROLES.get(message.get("role", "")),
            str(message.get("content") or ""),
            _time(message.get("timestamp")),
            str(message.get("model") or ""),
        )
        for key, message in (history.get("messages") or {}).items()
    ]
    return _whole(
        f"openwebui:{one.get('id')}",
        str(one.get("title") or chat.get("title") or "Imported chat"),
        _time(one.get("created_at")),
        _time(one.get("updated_at")),
        nodes,
        history.get("currentId"),
    )


def _whole(
    key: str,
    title: str,
    created: datetime | None,
    updated: datetime | None,
    nodes: list[Node],
    current: Any,
) -> WholeConversation:
    by_key = {node.key: node for node in nodes}
    conversation_id = uuid5(NAMES, key)
    began = created or EPOCH

    def kept_above(name: str | None) -> str | None:
        seen: set[str] = set()
        while name is not None and name in by_key and name not in seen:
            seen.add(name)
            if by_key[name].role is not None:
                return name
            name = by_key[name].parent
        return None

    def id_of(name: str | None) -> UUID | None:
        return None if name is None else uuid5(conversation_id, name)

    messages = tuple(
        Message(
            id=uuid5(conversation_id, node.key),
            conversation_id=conversation_id,
            parent_id=id_of(kept_above(node.parent)),
            role=node.role,
            text=node.text,
            status=MessageStatus.COMPLETE,
            created_at=node.at or began,
            stats=GenerationStats(provider="imported", model=node.model) if node.model else None,
        )
        for node in _parents_first(by_key)
        if node.role is not None
    )
    leaf = id_of(kept_above(None if current is None else str(current)))
    return WholeConversation(
        conversation=Conversation(
            id=conversation_id,
            title=title[:200],
            created_at=began,
            updated_at=updated or began,
            leaf_id=leaf or (messages[-1].id if messages else None),
            titled_by="user",
        ),
        messages=messages,
    )


def _parents_first(by_key: Mapping[str, Node]) -> Iterable[Node]:
    """Every node after its parent; nodes of a circle, which no tree has, are left out."""
    children: dict[str | None, list[Node]] = {}
    for node in by_key.values():
        children.setdefault(node.parent if node.parent in by_key else None, []).append(node)
    waiting = children.get(None, [])[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children.get(node.key, [])[::-1])


def _time(value: Any) -> datetime | None:
    """A time in seconds since 1970 (Open WebUI writes some in milliseconds or nanoseconds)."""
    if not isinstance(value, int | float) or value <= 0:
        return None
    while value > 1e11:
        value /= 1000
    return datetime.fromtimestamp(value, UTC)


def _list_of(value: Any, key: str) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get(key), dict) for one in value)
    )
