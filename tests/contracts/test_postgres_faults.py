"""PostgreSQL that stops, dies, hangs and comes back in the middle of work: what was acknowledged is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from own_time import own_s
from postgres_stage import Stage, stage
from served_backend import until
from sqlalchemy import func, select, text

from backend_embedded.contract.conversations import ConversationCreate, MessageStatus
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import State
from backend_embedded.contract.tasks import TaskCreate
from backend_embedded.errors import StorageError, StorageUnavailable
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Work
from backend_embedded.storage.postgres import PostgresDatabase
from backend_embedded.storage.postgres_engine import FEWEST, MOST
from backend_embedded.storage.record_ports import Actor, Listing
from backend_embedded.storage.records import audit_logs, outbox, task_history, tasks
from backend_embedded.storage.tasks import SqlTaskStore

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

ME = Actor("user")


@pytest.fixture
def there() -> Iterator[Stage]:
    """A server of this test's own, which it may kill."""
    with stage() as made:
        yield made


class Pool:
    """The pool's figures."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.exhaustions = 0
        self.most = 0

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def exhausted(self) -> None:
        self.exhaustions += 1

    def in_use(self, count: int) -> None:
        self.most = max(self.most, count)


@asynccontextmanager
async def opened(
    there: Stage, told: Callable[[CapabilityChanged], None] = lambda _: None, pool: Pool | None = None
) -> AsyncIterator[PostgresDatabase]:
    name = there.server.database(there.template)
    async with PostgresDatabase(there.server.url(name), told, pool) as database:
        yield database


async def nothing(_: UUID) -> None:
    pass


class Writers:
    """Make tasks side by side until they are told to end, and remember which were acknowledged."""

    def __init__(self, database: PostgresDatabase, count: int = 6) -> None:
        self.store = SqlTaskStore(database, nothing)
        self.acknowledged: list[UUID] = []
        self.refused: list[StorageError] = []
        self.count = count
        self.ending = False

    async def _write(self) -> None:
        while not self.ending:
            try:
                self.acknowledged.append((await self.store.create(TaskCreate(type="t"), ME)).id)
            except StorageError as error:
                self.refused.append(error)
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.count):
                group.create_task(self._write())
            yield
            self.ending = True

    async def check(self, database: PostgresDatabase) -> None:
        """All that was acknowledged is there, whole; nothing is there by half."""

        async def work(connection: object) -> tuple[set[UUID], list[int]]:
            kept = set(await connection.scalars(select(tasks.c.id)))  # type: ignore[attr-defined]
            counts = [
                await connection.scalar(select(func.count()).select_from(table))  # type: ignore[attr-defined]
                for table in (tasks, task_history, audit_logs, outbox)
            ]
            return kept, counts

        kept, counts = await database.read(work)
        assert set(self.acknowledged) <= kept
        assert len(set(counts)) == 1, f"a task without its lines: {counts}"
        # One whose answer was lost may be there all the same: of each writer the last one at each fault.
        assert len(kept) - len(self.acknowledged) <= 3 * self.count


async def served_again(writers: Writers) -> None:
    before = len(writers.acknowledged)
    await until("writes go on", lambda: len(writers.acknowledged) > before + 20, 30)


async def test_nothing_acknowledged_is_lost_when_the_server_dies_again_and_again(there: Stage) -> None:
    changes: list[CapabilityChanged] = []
    async with opened(there, changes.append) as database:
        writers = Writers(database)
        async with writers.at_work():
            await served_again(writers)
            for _ in range(3):
                changes.clear()
                there.server.kill()
                await until("it is told", lambda: database.capability().state is State.DOWN, 30)
                assert "127.0.0.1" in database.capability().reason
                assert changes[0].capability.state is State.DOWN
                there.server.start()
                await served_again(writers)
                assert database.capability().state is State.OK
        assert writers.refused, "while it was gone, writes were refused"
        assert all(isinstance(one, StorageUnavailable) and one.remedy for one in writers.refused)
        await writers.check(database)


async def test_a_server_that_is_stopped_and_started_is_used_again(there: Stage) -> None:
    async with opened(there) as database:
        writers = Writers(database)
        async with writers.at_work():
            await served_again(writers)
            there.server.stop()
            await until("it is told", lambda: database.capability().state is State.DOWN, 30)
            there.server.start()
            await served_again(writers)
        await writers.check(database)


async def test_a_short_restart_between_two_calls_is_not_noticed(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlConversationStore(database)
        made = await store.create(ConversationCreate(title="T"))
        there.server.stop()
        there.server.start()
        assert (await store.conversation(made.id)).title == "T", "the cut connection is replaced"
        assert database.capability().state is State.OK


async def test_a_server_that_hangs_is_given_up_and_taken_up_again(there: Stage) -> None:
    async with opened(there) as database:
        writers = Writers(database)
        async with writers.at_work():
            await served_again(writers)
            there.server.hang()
            try:
                await until("it is told", lambda: database.capability().state is State.DOWN, 40)
                assert "answer" in database.capability().reason
                began_s = own_s()
                with pytest.raises(StorageUnavailable, match="answer"):
                    await SqlConversationStore(database).conversations()
                assert own_s() - began_s < 0.2, "while it hangs, nobody waits for it"
            finally:
                there.server.go_on()
            await served_again(writers)
        await writers.check(database)


async def test_an_answer_that_is_written_when_the_server_dies_keeps_what_was_stored(there: Stage) -> None:
    name = there.server.database(there.template)
    url = there.server.url(name)
    async with PostgresDatabase(url, lambda _: None) as database:
        store = SqlConversationStore(database)
        turn = await store.ask("q", title="T")
        await store.append(turn.answer.id, "stored ")
        there.server.kill()
        with pytest.raises(StorageUnavailable):
            await store.append(turn.answer.id, "lost")
    there.server.start()
    async with PostgresDatabase(url, lambda _: None) as database:
        answer = await SqlConversationStore(database).message(turn.answer.id)
        assert (answer.text, answer.status) == ("stored ", MessageStatus.INCOMPLETE)


async def test_a_server_that_is_not_there_at_the_start_is_waited_for(there: Stage) -> None:
    name = there.server.database()
    there.server.stop()
    async with PostgresDatabase(there.server.url(name), lambda _: None) as database:
        assert database.capability().state is State.DOWN
        with pytest.raises(StorageUnavailable, match="refused") as caught:
            await SqlConversationStore(database).create(ConversationCreate())
        assert caught.value.remedy is not None
        there.server.start()
        await until("it is there", lambda: database.capability().state is State.OK, 30)
        await SqlConversationStore(database).create(ConversationCreate())
        assert "18." in database.capability().product or database.capability().product[-1].isdigit()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: url.replace("sutazai:", "stranger:"), "does not let this user in"),
        (lambda url: url.replace("secret", "wrong"), "does not let this user in"),
        (lambda url: url.rsplit("/", 1)[0] + "/nowhere", "no such database"),
    ],
)
async def test_a_wrong_address_is_told(there: Stage, change: Callable[[str], str], reason: str) -> None:
    url = change(there.server.url(there.template))
    async with PostgresDatabase(url, lambda _: None) as database:
        assert database.capability().state is State.DOWN
        assert reason in database.capability().reason
        assert "secret" not in database.capability().reason
        with pytest.raises(StorageUnavailable, match=reason):
            await SqlConversationStore(database).conversations()


async def test_of_two_who_wait_for_each_other_both_get_through(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlTaskStore(database, nothing)
        one, two = [(await store.create(TaskCreate(type="t"), ME)).id for _ in range(2)]
        both_hold, held = asyncio.Event(), 0
        begun = 0

        def work(first: UUID, second: UUID) -> Work[None]:
            async def change(connection: object) -> None:
                nonlocal held, begun
                begun += 1
                await connection.execute(  # type: ignore[attr-defined]
                    text("UPDATE tasks SET attempts = attempts + 1 WHERE id = :id"), {"id": first}
                )
                held += 1
                if held == 2:
                    both_hold.set()
                await both_hold.wait()
                await connection.execute(  # type: ignore[attr-defined]
                    text("UPDATE tasks SET attempts = attempts + 1 WHERE id = :id"), {"id": second}
                )

            return change

        await asyncio.gather(database.write(work(one, two)), database.write(work(two, one)))
        assert begun == 3, "one of the two was begun anew"
        assert [(await store.task(id)).attempts for id in (one, two)] == [2, 2]
        assert database.capability().state is State.OK


async def test_the_pool_holds_twenty_connections_and_tells_when_they_are_all_in_use(there: Stage) -> None:
    pool = Pool()
    async with opened(there, pool=pool) as database:
        release, waiting = asyncio.Event(), 0

        async def hold(connection: object) -> None:
            nonlocal waiting
            waiting += 1
            await release.wait()

        calls = [asyncio.create_task(database.write(hold)) for _ in range(MOST + 2)]
        await until("all connections are in use", lambda: waiting == MOST and pool.exhaustions >= 2)
        assert pool.most == MOST
        release.set()
        await asyncio.gather(*calls)
        assert waiting == MOST + 2, "those that waited got one"
        assert max(pool.waits) > 0
        open_now = there.server.run(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sutazai'"
        )[0][0]
        assert FEWEST <= open_now <= MOST


async def test_statements_that_come_again_are_prepared(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlTaskStore(database, nothing)
        for _ in range(5):
            await store.tasks(Listing())

        async def prepared(connection: object) -> int:
            query = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM tasks%'")
            return int(await connection.scalar(query))  # type: ignore[attr-defined]

        assert await database.read(prepared) >= 1


async def test_behind_a_pooler_that_loses_them_nothing_is_prepared_any_more(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlTaskStore(database, nothing)

        async def lose(connection: object) -> None:
            # Hidden from the driver, as it is when a pooler gives the connection to another server process.
            await connection.execute(text("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"))  # type: ignore[attr-defined]

        made = await store.create(TaskCreate(type="t"), ME)
        for _ in range(5):
            assert (await store.task(made.id)).id == made.id
        await database.read(lose)
        for _ in range(5):
            assert (await store.task(made.id)).id == made.id
        assert database.capability().state is State.OK

        async def prepared(connection: object) -> int:
            return int(await connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")))  # type: ignore[attr-defined]

        assert await database.read(prepared) == 0


async def test_that_all_connections_are_in_use_says_nothing_of_the_server(there: Stage) -> None:
    async with opened(there) as database:
        release, held = asyncio.Event(), 0

        async def hold(connection: object) -> None:
            nonlocal held
            held += 1
            await release.wait()

        calls = [asyncio.create_task(database.write(hold, limit_s=60)) for _ in range(MOST)]
        await until("all connections are in use", lambda: held == MOST)
        with pytest.raises(StorageUnavailable, match="in use"):
            await SqlTaskStore(database, nothing).tasks(Listing())
        await database._look_once()
        release.set()
        await asyncio.gather(*calls)
        assert (await SqlTaskStore(database, nothing).tasks(Listing())).total == 0, "at once, without a look"


async def test_a_database_that_cannot_be_used_is_told_and_waited_for(there: Stage) -> None:
    name = there.server.database()
    there.server.run("CREATE TABLE tasks (mine integer)", name)
    async with PostgresDatabase(there.server.url(name), lambda _: None) as database:
        assert database.capability().state is State.DOWN
        assert "tasks" in database.capability().reason
        with pytest.raises(StorageUnavailable, match="tasks"):
            await SqlConversationStore(database).conversations()
        there.server.run("DROP TABLE tasks", name)
        await until("it can be used", lambda: database.capability().state is State.OK, 30)
        assert (await SqlConversationStore(database).conversations()).total == 0


async def test_a_database_of_another_encoding_is_refused_with_the_way_out(there: Stage) -> None:
    there.server.run("CREATE DATABASE western TEMPLATE template0 ENCODING 'LATIN1'")
    async with PostgresDatabase(there.server.url("western"), lambda _: None) as database:
        assert "LATIN1" in database.capability().reason
        with pytest.raises(StorageUnavailable, match="LATIN1") as caught:
            await SqlConversationStore(database).create(ConversationCreate())
        assert "UTF8" in str(caught.value.remedy)


async def test_what_postgresql_cannot_store_is_stored_readably(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlTaskStore(database, nothing)
        made = await store.create(TaskCreate(type="t", payload={"text": "a\0b", "path": "c:\\u0000"}), ME)
        assert (await store.task(made.id)).payload == {"text": "a\ufffdb", "path": "c:\\u0000"}
        chats = SqlConversationStore(database)
        turn = await chats.ask("x\0y", title="T")
        assert turn.question is not None
        assert (await chats.message(turn.question.id)).text == "x\ufffdy"


async def test_a_text_too_long_for_the_index_is_stored_and_found_by_its_beginning(there: Stage) -> None:
    async with opened(there) as database:
        store = SqlConversationStore(database)
        long = "needle " + " ".join(f"word{number:x}" for number in range(200_000))
        turn = await store.ask(long, title="T")
        assert turn.question is not None
        assert [hit.message_id for hit in await store.search("needle")] == [turn.question.id]
        assert (await store.message(turn.question.id)).text == long


async def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_is_served(there: Stage) -> None:
    async with opened(there) as database:

        async def sleep(connection: object) -> None:
            await connection.execute(text("SELECT pg_sleep(60)"))  # type: ignore[attr-defined]

        with pytest.raises(StorageUnavailable, match=r"0\.5 s"):
            await database.read(sleep, limit_s=0.5)
        assert database.capability().state is State.DOWN
        await until("it is looked for", lambda: database.capability().state is State.OK, 30)
        assert (await SqlTaskStore(database, nothing).tasks(Listing())).total == 0
