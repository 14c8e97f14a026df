"""The rows of the embedded queue against a plain model, with a clock that the test moves."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend_embedded.contract.queue import QueueName
from backend_embedded.queue.book import Kept, QueueBook
from backend_embedded.queue.topology import BINDINGS

LEASE_S, LIMIT, CRASHES = 10.0, 3, 2
QUEUES = st.sampled_from(list(BINDINGS))


@dataclass
class Modelled:
    """A message as the model has it."""

    id: str
    queue: QueueName
    deliveries: int = 0
    crashes: int = 0
    lease_until: float | None = None


@dataclass
class Model:
    """What the queue should hold: messages and dead letters in their order."""

    messages: list[Modelled] = field(default_factory=list)
    dead: list[tuple[str, str]] = field(default_factory=list)

    def give_back(self, which: list[Modelled]) -> None:
        for one in which:
            if one.deliveries > LIMIT:
                self.messages.remove(one)
                self.dead.append((one.id, "delivery_limit"))
            one.lease_until = None

    def expire(self, now: float) -> None:
        self.give_back(
            [one for one in self.messages if one.lease_until is not None and one.lease_until <= now]
        )

    def held(self, lease: Kept, *, leased: bool = True) -> Modelled | None:
        """The message of a lease that still holds."""
        for one in self.messages:
            if (one.id, one.deliveries) == (lease.id, lease.deliveries):
                return one if one.lease_until is not None or not leased else None
        return None


class Queues(RuleBasedStateMachine):
    """Any history of what can be done to the queues."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.book = QueueBook(lambda: self.now_s, lambda: 1_000 + self.now_s, LEASE_S, LIMIT, CRASHES)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.book.open(self.connection)
        self.model = Model()
        self.leases: list[Kept] = []

    def teardown(self) -> None:
        self.connection.close()

    @rule(queue=QUEUES)
    def publish(self, queue: QueueName) -> None:
        own = str(uuid4())
        self.book.publish(self.connection, queue, own, "a.b", b"{}", "{}")
        self.model.messages.append(Modelled(own, queue))

    @rule(queue=QUEUES, limit=st.integers(1, 4))
    def claim(self, queue: QueueName, limit: int) -> None:
        self.model.expire(self.now_s)
        free = [one for one in self.model.messages if one.queue is queue and one.lease_until is None][:limit]
        for one in free:
            one.deliveries += 1
            one.lease_until = self.now_s + LEASE_S
        claimed = self.book.claim(self.connection, queue, limit)
        assert [(one.id, one.deliveries) for one in claimed] == [(one.id, one.deliveries) for one in free]
        self.leases += claimed

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), again=st.booleans())
    def acknowledge(self, data: st.DataObject, again: bool) -> None:
        lease = self.lease(data, again)
        self.book.acknowledge(self.connection, lease)
        one = self.model.held(lease, leased=False)
        if one is not None:
            self.model.messages.remove(one)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), again=st.booleans())
    def requeue(self, data: st.DataObject, again: bool) -> None:
        lease = self.lease(data, again)
        self.book.requeue(self.connection, lease)
        one = self.model.held(lease)
        if one is not None:
            self.model.give_back([one])

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), again=st.booleans())
    def release(self, data: st.DataObject, again: bool) -> None:
        lease = self.lease(data, again)
        self.book.release(self.connection, lease)
        one = self.model.held(lease)
        if one is not None:
            one.lease_until = None
            one.deliveries -= 1

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), again=st.booleans())
    def reject(self, data: st.DataObject, again: bool) -> None:
        lease = self.lease(data, again)
        self.book.reject(self.connection, lease)
        one = self.model.held(lease)
        if one is not None:
            self.model.messages.remove(one)
            self.model.dead.append((one.id, "rejected"))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        lease = self.lease(data, True)
        self.book.renew(self.connection, [lease])
        one = self.model.held(lease)
        if one is not None:
            one.lease_until = self.now_s + LEASE_S

    @rule(seconds=st.sampled_from([0.5, 4.0, LEASE_S, 3 * LEASE_S]))
    def time_goes_by(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def the_program_dies(self) -> None:
        """And is started again: all that was handed out is given back."""
        self.book.open(self.connection)
        for one in [one for one in self.model.messages if one.lease_until is not None]:
            if one.crashes == CRASHES:
                self.model.messages.remove(one)
                self.model.dead.append((one.id, "delivery_limit"))
            one.lease_until = None
            one.deliveries -= 1
            one.crashes += 1
        self.leases.clear()

    @precondition(lambda self: self.model.dead)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        letter = data.draw(st.sampled_from(self.model.dead))
        assert self.book.discard(self.connection, letter[0])
        self.model.dead.remove(letter)
        assert not self.book.discard(self.connection, letter[0])

    def lease(self, data: st.DataObject, again: bool) -> Kept:
        """One of the leases that were ever given; unless it may be used again, it is forgotten."""
        lease = data.draw(st.sampled_from(self.leases))
        if not again:
            self.leases.remove(lease)
        return lease

    @invariant()
    def holds_what_it_should(self) -> None:
        rows = self.connection.execute(
            "SELECT id, queue, deliveries, crashes, lease_until FROM messages ORDER BY number"
        ).fetchall()
        wanted = [
            (one.id, one.queue.value, one.deliveries, one.crashes, one.lease_until)
            for one in self.model.messages
        ]
        assert rows == wanted
        letters, total = self.book.dead(self.connection, 1_000, 0)
        # Of several that die at once the older ones are first, which the model does too.
        assert [(one.message.id, one.reason) for one in letters] == self.model.dead
        assert total == len(self.model.dead)
        counts = self.book.counts(self.connection)
        assert sum(counts.ready.values()) + sum(counts.leased.values()) == len(self.model.messages)
        assert counts.dead == total


Queues.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_queues = Queues.TestCase
