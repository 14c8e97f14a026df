"""The tree of messages against a plain model, over random operations."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_stage import Stage, opened_store, stage

from backend_embedded.contract.conversations import ConversationCreate, ConversationPatch, MessageStatus

KINDS = ["ask", "root", "again", "show", "branch", "delete and undo"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1_000)), max_size=14)


@dataclass
class PlainTree:
    """Children by parent, in order."""

    parents: dict[UUID, UUID | None] = field(default_factory=dict)
    texts: dict[UUID, str] = field(default_factory=dict)
    leaf: UUID | None = None

    def children(self, parent: UUID | None) -> list[UUID]:
        return [child for child, its in self.parents.items() if its == parent]

    def branch(self, end: UUID | None) -> list[UUID]:
        found: list[UUID] = []
        while end is not None:
            found.insert(0, end)
            end = self.parents[end]
        return found

    def newest_end(self, message: UUID) -> UUID:
        while below := self.children(message):
            message = below[-1]
        return message


async def carried_out(steps: list[tuple[str, int]], folder: Path, where: Stage | None = None) -> None:
    plain = PlainTree()
    async with opened_store(where, folder) as store:
        chat = (await store.create(ConversationCreate(title="T"))).id
        for kind, choice in steps:
            there = list(plain.parents)
            questions = [m for m in there if plain.texts[m].startswith("q")]
            if kind == "ask":
                parent = there[choice % len(there)] if there and choice % 3 else None
                turn = await store.ask(f"q{choice}", title="T", conversation_id=chat, parent_id=parent)
                assert turn.question is not None
                plain.parents[turn.question.id] = parent or plain.leaf
                plain.parents[turn.answer.id] = turn.question.id
                plain.texts[turn.question.id] = f"q{choice}"
            elif kind == "root":
                turn = await store.ask(f"q{choice}", title="T", conversation_id=chat, as_root=True)
                assert turn.question is not None
                plain.parents[turn.question.id] = None
                plain.parents[turn.answer.id] = turn.question.id
                plain.texts[turn.question.id] = f"q{choice}"
            elif kind == "branch" and there:
                end = there[choice % len(there)]
                made = await store.branch_off(chat, end)
                copied = (await store.branch(made.id)).messages
                assert [one.text for one in copied] == [plain.texts[one] for one in plain.branch(end)]
                assert not {one.id for one in copied} & set(there)
                await store.remove(made.id)
                continue
            elif kind == "delete and undo":
                await store.move_to_bin(chat)
                assert (await store.conversations()).total == 0
                back = await store.change(chat, ConversationPatch(restore=True))
                assert back.leaf_id == plain.leaf
                continue
            elif kind == "again" and questions:
                question = questions[choice % len(questions)]
                turn = await store.answer_again(question)
                plain.parents[turn.answer.id] = question
            elif kind == "show" and there:
                shown = there[choice % len(there)]
                plain.leaf = plain.newest_end(shown)
                changed = await store.change(chat, ConversationPatch(leaf_id=shown))
                assert changed.leaf_id == plain.leaf
                continue
            else:
                continue
            plain.leaf = turn.answer.id
            plain.texts[turn.answer.id] = f"a{choice}"
            await store.append(turn.answer.id, f"a{choice}")
            await store.finish(turn.answer.id, MessageStatus.COMPLETE)
        for end in [None, *plain.parents]:
            page = await store.branch(chat, end)
            expected = plain.branch(end or plain.leaf)
            assert [message.id for message in page.messages] == expected
            assert page.total == len(expected)
            for message in page.messages:
                assert list(message.siblings) == plain.children(message.parent_id)
                assert message.text == plain.texts[message.id]


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_the_store_is_the_plain_tree(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(carried_out(steps, Path(folder)))


@pytest.mark.services
@pytest.mark.timeout(300)
def test_the_store_in_postgresql_is_the_plain_tree() -> None:
    with stage() as there, tempfile.TemporaryDirectory() as folder:

        @settings(max_examples=30, deadline=None)
        @given(STEPS)
        def check(steps: list[tuple[str, int]]) -> None:
            asyncio.run(carried_out(steps, Path(folder), there))

        check()
