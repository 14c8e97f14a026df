"""The arrows come back to the end of a branch that was shown last, in another run too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import Role
from ui.chat.branches.left_ends import MOST_KEPT, LeftEnds
from ui.chat.presenter import ChatPresenter
from ui.client.port import ClientError

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.conversations import Conversation, ConversationPatch, Message


class Tree(ScriptedBackend):
    """A question with two answers; the first answer goes on in two ways. Its newest end is not the left one."""

    def __init__(self) -> None:
        super().__init__()
        self.made: Conversation = self.add("A", ("q", "one", "left here", "l"))
        self.question, self.one, self.early, self.end = self.stored[self.made.id]
        late = self.message(self.made.id, Role.USER, "newer", self.one.id)
        newest = self.message(self.made.id, Role.ASSISTANT, "n", late.id)
        two = self.message(self.made.id, Role.ASSISTANT, "two", self.question.id)
        both = (self.one.id, two.id)
        self.one, self.two = (m.model_copy(update={"siblings": both}) for m in (self.one, two))
        pair = (self.early.id, late.id)
        self.early, late = (m.model_copy(update={"siblings": pair}) for m in (self.early, late))
        self.ways: dict[UUID, list[Message]] = {
            self.end.id: [self.question, self.one, self.early, self.end],
            newest.id: [self.question, self.one, late, newest],
            self.one.id: [self.question, self.one, late, newest],
            self.two.id: [self.question, self.two],
        }
        self.stored[self.made.id] = self.ways[self.end.id]
        self.gone: set[UUID] = set()

    async def patch_conversation(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """As the store does it: a message that has others below it stands for its newest end."""
        leaf = patch.leaf_id
        if leaf in self.gone:
            raise ClientError(ErrorBody(code=ErrorCode.NOT_FOUND, message="There is no such message."))
        patched = await super().patch_conversation(conversation_id, patch)
        if leaf is not None:
            self.stored[conversation_id] = self.ways[leaf]
        return patched


@pytest.fixture
def tree() -> Tree:
    return Tree()


async def opened(tree: Tree, left: LeftEnds) -> ChatPresenter:
    presenter = ChatPresenter(tree, draft_delay_s=0, pause_s=0, left=left)
    presenter.connection_changed(True)
    await presenter.resync()
    await presenter.select(tree.made.id)
    return presenter


def texts(presenter: ChatPresenter) -> list[str]:
    return [message.text for message in presenter.state.transcript.messages]


async def test_the_arrows_come_back_to_where_the_branch_was_left_after_a_restart(tree: Tree) -> None:
    kept: list[Any] = []
    first = await opened(tree, LeftEnds(None, kept.append))
    await first.show_sibling(tree.one.id, +1)
    assert texts(first) == ["q", "two"]
    await first.close()
    again = await opened(tree, LeftEnds(json.loads(json.dumps(kept[-1]))))
    await again.show_sibling(tree.two.id, -1)
    assert texts(again) == ["q", "one", "left here", "l"]
    await again.close()


async def test_an_end_that_is_not_known_or_gone_is_the_newest(tree: Tree) -> None:
    presenter = await opened(tree, LeftEnds())
    await presenter.show_sibling(tree.one.id, +1)
    tree.gone.add(tree.end.id)
    await presenter.show_sibling(tree.two.id, -1)
    assert texts(presenter) == ["q", "one", "newer", "n"]
    assert presenter.state.failure is None
    await presenter.close()


def test_so_many_ends_are_kept_and_the_oldest_are_forgotten() -> None:
    kept: list[Any] = []
    ends = LeftEnds(None, kept.append)
    points = [uuid4() for _ in range(MOST_KEPT + 1)]
    end = uuid4()
    ends.leave(points, end)
    assert (ends.below(points[0]), ends.below(points[1])) == (points[0], end)
    assert len(kept[-1]) == MOST_KEPT


@pytest.mark.parametrize("broken", [None, [], "x", {"a": "b"}, {"a": 3}])
def test_what_makes_no_sense_is_dropped(broken: object) -> None:
    point = uuid4()
    assert LeftEnds(broken).below(point) == point
