"""The messages of the embedded queue as rows of a SQLite file: what is done to them in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backend_embedded.contract.queue import DeadReason, QueueName
from backend_embedded.queue.topology import BINDINGS, DELIVERY_LIMIT, EXCHANGE

TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, id TEXT NOT NULL, routing_key TEXT NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL,
    published_at REAL NOT NULL, deliveries INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    lease_until REAL
);
CREATE INDEX IF NOT EXISTS ready ON messages (queue, number) WHERE lease_until IS NULL;
CREATE INDEX IF NOT EXISTS leased ON messages (lease_until) WHERE lease_until IS NOT NULL;
CREATE TABLE IF NOT EXISTS dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, id TEXT NOT NULL, routing_key TEXT NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL,
    published_at REAL NOT NULL, deliveries INTEGER NOT NULL, died_at REAL NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_by_id ON dead (id);
"""
OF_A_LETTER = "queue, id, routing_key, body, headers, published_at, deliveries"
OF_A_MESSAGE = f"{OF_A_LETTER}, crashes"
CRASHES = 100
"""In so many ends of the program a message may be at work; then it is taken for their cause."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the file.

    Attributes:
        number: its place in the order of publication.
        deliveries: how often it was handed out; with `number` it names one lease.
        crashes: how often the program ended while it was at work; those are no deliveries.
        published_at: seconds of the wall clock.
    """

    number: int
    queue: str
    id: str
    routing_key: str
    body: bytes
    headers: dict[str, Any]
    published_at: float
    deliveries: int
    crashes: int = 0

    @property
    def attempts(self) -> int:
        """How often somebody began to work at it."""
        return self.deliveries + self.crashes


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter in the file; times in seconds of the wall clock."""

    message: Kept
    died_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages in the file, by queue."""

    ready: dict[QueueName, int]
    leased: dict[QueueName, int]
    dead: int


class QueueBook:
    """Knows the rows; every method is one piece of work in the transaction of its caller.

    Args:
        clock: seconds that only grow; leases are measured with it, and begin anew with every opening.
        now: seconds of the wall clock.
        lease_s: how long a message that was handed out is left alone.
        limit: how often a message is handed out again.
        crashes: at so many ends of the program a message may be at work.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        now: Callable[[], float],
        lease_s: float,
        limit: int = DELIVERY_LIMIT,
        crashes: int = CRASHES,
    ) -> None:
        self._clock = clock
        self._now = now
        self._lease_s = lease_s
        self._limit = limit
        self._crashes = crashes

    def open(self, connection: sqlite3.Connection) -> None:
        """Make the tables, and give back what was handed out by a process that is gone."""
        for statement in TABLES.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        self._bury(
            connection,
            "lease_until IS NOT NULL AND crashes >= ?",
            (self._crashes,),
            DeadReason.DELIVERY_LIMIT,
        )
        connection.execute(
            "UPDATE messages SET lease_until = NULL, deliveries = deliveries - 1, crashes = crashes + 1"
            " WHERE lease_until IS NOT NULL"
        )

    def publish(
        self,
        connection: sqlite3.Connection,
        queue: QueueName,
        message_id: str,
        key: str,
        body: bytes,
        headers: str,
    ) -> None:
        """Keep a message; `headers` is JSON."""
        connection.execute(
            "INSERT INTO messages (queue, id, routing_key, body, headers, published_at) VALUES (?,?,?,?,?,?)",
            (queue.value, message_id, key, body, headers, self._now()),
        )

    def claim(self, connection: sqlite3.Connection, queue: QueueName, limit: int) -> list[Kept]:
        """Hand out the oldest messages that nobody has, and those whose lease is over."""
        now = self._clock()
        self._give_back(connection, "lease_until <= ?", (now,))
        rows = connection.execute(
            "UPDATE messages SET lease_until = ?, deliveries = deliveries + 1 WHERE number IN ("
            " SELECT number FROM messages WHERE queue = ? AND lease_until IS NULL ORDER BY number LIMIT ?)"
            f" RETURNING number, {OF_A_MESSAGE}",
            (now + self._lease_s, queue.value, limit),
        ).fetchall()
        return sorted((_kept(row) for row in rows), key=lambda one: one.number)

    def renew(self, connection: sqlite3.Connection, held: Iterable[Kept]) -> None:
        """Leave messages alone for one more lease."""
        until = self._clock() + self._lease_s
        connection.executemany(
            "UPDATE messages SET lease_until = ? WHERE number = ? AND deliveries = ? AND lease_until IS NOT NULL",
            [(until, one.number, one.deliveries) for one in held],
        )

    def acknowledge(self, connection: sqlite3.Connection, held: Kept) -> None:
        """Forget a message that was handled; one that was handed out again meanwhile is left."""
        connection.execute(
            "DELETE FROM messages WHERE number = ? AND deliveries = ?", (held.number, held.deliveries)
        )

    def requeue(self, connection: sqlite3.Connection, held: Kept) -> None:
        """Give a message back to be handed out again, or to the dead letters when that was done too often."""
        self._give_back(connection, "number = ? AND deliveries = ? AND lease_until IS NOT NULL", _lease(held))

    def release(self, connection: sqlite3.Connection, held: Kept) -> None:
        """Give a message back as if it had not been handed out."""
        connection.execute(
            "UPDATE messages SET lease_until = NULL, deliveries = deliveries - 1"
            " WHERE number = ? AND deliveries = ? AND lease_until IS NOT NULL",
            _lease(held),
        )

    def reject(self, connection: sqlite3.Connection, held: Kept) -> None:
        """To the dead letters."""
        self._bury(
            connection,
            "number = ? AND deliveries = ? AND lease_until IS NOT NULL",
            _lease(held),
            DeadReason.REJECTED,
        )

    # -- dead letters -----------------------------------------------------------------------------

    def dead(self, connection: sqlite3.Connection, limit: int, offset: int) -> tuple[list[Dead], int]:
        """A part of the dead letters, oldest first, and how many there are."""
        rows = connection.execute(
            f"SELECT died_at, reason, number, {OF_A_LETTER} FROM dead ORDER BY number LIMIT ? OFFSET ?",
            (limit, offset),
        ).fetchall()
        total = connection.execute("SELECT count(*) FROM dead").fetchone()[0]
        return [Dead(_kept(row[2:]), row[0], row[1]) for row in rows], total

    def dead_one(self, connection: sqlite3.Connection, message_id: str) -> Dead | None:
        """The oldest dead letter with this id."""
        row = connection.execute(
            f"SELECT died_at, reason, number, {OF_A_LETTER} FROM dead WHERE id = ? ORDER BY number LIMIT 1",
            (message_id,),
        ).fetchone()
        return None if row is None else Dead(_kept(row[2:]), row[0], row[1])

    def discard(self, connection: sqlite3.Connection, message_id: str) -> bool:
        """Take the oldest dead letter with this id away; whether there was one."""
        gone = connection.execute(
            "DELETE FROM dead WHERE number = (SELECT min(number) FROM dead WHERE id = ?)", (message_id,)
        )
        return gone.rowcount > 0

    # -- counts -----------------------------------------------------------------------------------

    def counts(self, connection: sqlite3.Connection) -> Counts:
        """How many messages there are."""
        ready, leased = dict.fromkeys(BINDINGS, 0), dict.fromkeys(BINDINGS, 0)
        for queue in BINDINGS:
            ready[queue], leased[queue] = (
                connection.execute(
                    f"SELECT count(*) FROM messages WHERE queue = ? AND lease_until IS {which}",
                    (queue.value,),
                ).fetchone()[0]
                for which in ("NULL", "NOT NULL")
            )
        dead = connection.execute("SELECT count(*) FROM dead").fetchone()[0]
        return Counts(ready, leased, dead)

    # -- what several of them do ------------------------------------------------------------------

    def _give_back(self, connection: sqlite3.Connection, where: str, values: Sequence[float]) -> None:
        self._bury(
            connection, f"{where} AND deliveries > ?", (*values, self._limit), DeadReason.DELIVERY_LIMIT
        )
        connection.execute(f"UPDATE messages SET lease_until = NULL WHERE {where}", values)

    def _bury(
        self, connection: sqlite3.Connection, where: str, values: Sequence[float], reason: DeadReason
    ) -> None:
        rows = connection.execute(
            f"DELETE FROM messages WHERE {where} RETURNING number, {OF_A_MESSAGE}", values
        ).fetchall()
        now = self._now()
        for one in sorted((_kept(row) for row in rows), key=lambda one: one.number):
            connection.execute(
                f"INSERT INTO dead ({OF_A_LETTER}, died_at, reason) VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    one.queue,
                    one.id,
                    one.routing_key,
                    one.body,
                    json.dumps(with_death(one, reason, now)),
                    one.published_at,
                    one.attempts,
                    now,
                    reason.value,
                ),
            )


def with_death(message: Kept, reason: DeadReason, now: float) -> dict[str, Any]:
    """The headers of a message that died, in the form of RabbitMQ's `x-death`: newest death first."""
    deaths = list(message.headers.get("x-death", ()))
    same = [one for one in deaths if (one["queue"], one["reason"]) == (message.queue, reason.value)]
    death = {
        "queue": message.queue,
        "reason": reason.value,
        "count": 1 + sum(one["count"] for one in same),
        "exchange": EXCHANGE,
        "routing-keys": [message.routing_key],
        "time": now,
    }
    others = [one for one in deaths if one not in same]
    first = {"x-first-death-queue": message.queue, "x-first-death-reason": reason.value}
    return {**first, **message.headers, "x-death": [death, *others]}


def _kept(row: Sequence[Any]) -> Kept:
    number, queue, message_id, key, body, headers, *rest = row
    return Kept(number, queue, message_id, key, body, json.loads(headers), *rest)


def _lease(held: Kept) -> tuple[int, int]:
    return held.number, held.deliveries
