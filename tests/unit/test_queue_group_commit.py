"""The thread that writes the queue's file: many pieces of work in one transaction, each of them whole."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from queue_stage import Remembering, event, holds, number_of, until

from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.status import State
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.book import Kept
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.group_commit import GroupCommit
from backend_embedded.queue.port import Delivery, Outcome


def prepare(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)")


def add(connection: sqlite3.Connection, number: int) -> int:
    connection.execute("INSERT INTO t VALUES (?)", (number,))
    return number


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
async def commits(tmp_path: Path) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(tmp_path / "deep" / "file.db", prepare)
    await commits.open()
    yield commits
    await commits.close()


async def test_pieces_that_come_together_are_one_transaction(commits: GroupCommit, tmp_path: Path) -> None:
    seen: list[int] = []
    go = threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        go.wait(10)

    def look(_: sqlite3.Connection) -> None:
        # Another connection sees only what is committed.
        with closing(sqlite3.connect(tmp_path / "deep" / "file.db")) as other:
            seen.append(len(numbers(other)))

    waiting = asyncio.create_task(commits.do(wait))
    adding = [asyncio.create_task(commits.do(add, number)) for number in range(200)]
    looking = asyncio.create_task(commits.do(look))
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*adding) == list(range(200))
    await asyncio.gather(waiting, looking)
    assert seen == [0]
    assert await commits.do(numbers) == list(range(200))


async def test_a_piece_that_fails_fails_alone(commits: GroupCommit) -> None:
    await commits.do(add, 3)
    results = await asyncio.gather(*(commits.do(add, number) for number in range(6)), return_exceptions=True)
    assert isinstance(results.pop(3), sqlite3.IntegrityError)
    assert results == [0, 1, 2, 4, 5]
    assert await commits.do(numbers) == [0, 1, 2, 3, 4, 5]


async def test_a_file_that_fails_for_good_is_told_to_everybody(commits: GroupCommit) -> None:
    """Nobody waits for ever for a thread that died."""
    first, second = await asyncio.gather(
        commits.do(sqlite3.Connection.close), commits.do(add, 1), return_exceptions=True
    )
    assert isinstance(first, sqlite3.Error | None)
    assert isinstance(second, sqlite3.Error)
    async with asyncio.timeout(10):
        with pytest.raises(sqlite3.Error):
            await commits.do(numbers)


async def test_what_the_work_raises_comes_back_and_undoes_it(commits: GroupCommit) -> None:
    def half(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        raise KeyError("half")

    with pytest.raises(KeyError):
        await commits.do(half)
    assert await commits.do(numbers) == []


async def test_a_caller_that_goes_away_leaves_its_work(commits: GroupCommit) -> None:
    task = asyncio.create_task(commits.do(add, 1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await commits.do(numbers) == [1]


async def test_closing_carries_out_what_was_asked(tmp_path: Path) -> None:
    commits = GroupCommit(tmp_path / "file.db", prepare)
    await commits.open()
    asked = [asyncio.create_task(commits.do(add, number)) for number in range(50)]
    await asyncio.sleep(0)
    await commits.close()
    assert await asyncio.gather(*asked) == list(range(50))
    await commits.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        await commits.do(numbers)


async def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_bytes(b"this is no database, but long enough to be looked at" * 20)
    with pytest.raises(QueueUnavailable, match=r"queue\.db cannot be used: file is not a database"):
        async with EmbeddedQueue(tmp_path / "queue.db"):
            pass


# -- leases ---------------------------------------------------------------------------------------


@pytest.mark.allow_logs("could not be marked")
async def test_a_message_whose_mark_failed_comes_again_when_its_lease_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 0.0
    async with EmbeddedQueue(tmp_path / "queue.db", lease_s=0.3, clock=lambda: now_s) as queue:
        handler = Remembering()
        stops(tmp_path, "DELETE")
        async with queue.consume(QueueName.EVENT, handler):
            sent = await queue.publish("event.a", event(1))
            await handler.has(1)
            await until(lambda: told(caplog))
            stops(tmp_path, None)
            now_s = 1.0
            await handler.has(2)
            await holds(queue, QueueName.EVENT, 0)
        assert queue.capability().state is State.OK
    assert handler.ids == [sent, sent]
    assert [one.attempt for one in handler.got] == [1, 2]


async def told(caplog: pytest.LogCaptureFixture) -> bool:
    return "could not be marked" in caplog.text


def stops(folder: Path, what: str | None) -> None:
    """Have the file refuse to delete messages, or no longer."""
    with sqlite3.connect(folder / "queue.db") as connection:
        connection.execute("DROP TRIGGER IF EXISTS refuse")
        if what:
            connection.execute(
                f"CREATE TRIGGER refuse BEFORE {what} ON messages BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
    connection.close()


async def test_a_lease_is_kept_while_its_handler_works(tmp_path: Path) -> None:
    async with EmbeddedQueue(tmp_path / "queue.db", lease_s=0.9) as queue:
        slow, quick = Remembering(hold=asyncio.Event()), Remembering()
        async with queue.consume(QueueName.EVENT, slow, prefetch=1):
            await queue.publish("event.a", event(1))
            await slow.has(1)
            async with queue.consume(QueueName.EVENT, quick):
                # Each of these is handed out after a look for leases that are over.
                for number in range(2, 12):
                    await queue.publish("event.a", event(number))
                    await quick.has(number - 1)
                    await asyncio.sleep(0.12)
            assert slow.hold is not None
            slow.hold.set()
            await holds(queue, QueueName.EVENT, 0)
    assert slow.numbers == [1]
    assert 1 not in quick.numbers


async def test_a_queue_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    async with EmbeddedQueue(tmp_path / "queue.db") as queue:
        stops(tmp_path, "INSERT")
        with pytest.raises(QueueUnavailable):
            await queue.publish("event.a", event(1))
        capability = queue.capability()
        assert capability.state is State.DOWN
        assert "queue.db cannot be used" in capability.reason
        stops(tmp_path, None)
        await queue.publish("event.a", event(1))
        assert (queue.capability().state, queue.capability().reason) == (State.OK, "")


# -- who goes away in the middle ------------------------------------------------------------------


class Slow(EmbeddedQueue):
    """A queue whose next claim takes until it is let go on, and may fail then."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.go = threading.Event()
        self.fails = False
        claim = self._book.claim

        def slow(connection: sqlite3.Connection, queue: QueueName, limit: int) -> list[Kept]:
            self.go.wait(10)
            if self.fails:
                raise sqlite3.OperationalError("disk I/O error")
            return claim(connection, queue, limit)

        self._book.claim = slow  # type: ignore[method-assign]


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Slow]:
    async with Slow(tmp_path / "queue.db") as queue:
        try:
            yield queue
        finally:
            queue.go.set()


async def test_who_is_cancelled_while_messages_are_claimed_has_taken_none(slow: Slow) -> None:
    await slow.publish("event.a", event(1))
    claiming = asyncio.create_task(slow.claim(QueueName.EVENT, 5))
    await asyncio.wait([claiming], timeout=0.02)
    claiming.cancel()
    slow.go.set()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    (again,) = await slow.claim(QueueName.EVENT, 5)
    assert again.attempts == 1


async def test_a_consumer_ends_though_its_last_claim_fails(slow: Slow) -> None:
    async with asyncio.timeout(10):
        async with slow.consume(QueueName.EVENT, Remembering()):
            await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.02))])
            slow.fails = True
            asyncio.get_running_loop().call_later(0.05, slow.go.set)


async def test_a_handing_over_that_is_given_up_leaves_the_rest_to_others(tmp_path: Path) -> None:
    async with EmbeddedQueue(tmp_path / "queue.db") as queue:
        for number in range(4):
            await queue.publish("event.a", event(number))
        went: list[int] = []
        stuck = asyncio.Event()

        async def send(delivery: Delivery) -> None:
            went.append(number_of(delivery))
            if len(went) == 2:
                stuck.set()
                await asyncio.Event().wait()

        handing = asyncio.create_task(queue.hand_over(send))
        await stuck.wait()
        handing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handing
        handler = Remembering()
        async with queue.consume(QueueName.EVENT, handler, prefetch=1):
            await handler.has(3)
    assert handler.numbers == [1, 2, 3]
    assert [one.attempt for one in handler.got] == [1, 1, 1]


@pytest.mark.allow_logs("was given up by itself")
async def test_a_handler_whose_own_work_is_cancelled_has_the_message_come_again(tmp_path: Path) -> None:
    tries: list[int] = []

    async def handler(delivery: Delivery) -> Outcome:
        tries.append(delivery.attempt)
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other
        return Outcome.ACK

    async with EmbeddedQueue(tmp_path / "queue.db") as queue, queue.consume(QueueName.EVENT, handler):
        await queue.publish("event.a", event(1))
        await holds(queue, QueueName.DEAD, 1)
    assert tries == [1, 2, 3, 4]
