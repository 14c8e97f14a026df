"""One thread that writes to a SQLite file: what is asked for meanwhile goes into one transaction, one sync."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

LARGEST_BATCH = 1_000
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # A message that was confirmed survives a power cut.
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",
)


@dataclass(slots=True)
class Piece:
    """Work for the thread, and what became of it."""

    work: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class GroupCommit:
    """Carries out pieces of work in the order they came; each is committed when its call returns.

    A piece that fails is rolled back alone: the transaction is undone and each piece of it carried out again in
    one of its own. So a piece must do nothing but work on the connection.

    Args:
        file: the database; its folder is made.
        prepare: run in the first transaction.
    """

    def __init__(self, file: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._file = file
        self._prepare = prepare
        self._asked: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def open(self) -> None:
        """Open the file. Raises sqlite3.Error, OSError."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="queue writer", daemon=True)
        self._thread.start()
        await opened

    async def do(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Carry out `work(connection, *args)` and commit it; what it returns. Goes on if the caller does not
        wait. Raises sqlite3.Error, and what the work raises."""
        if self._loop is None or self._thread is None:
            raise sqlite3.ProgrammingError("the queue's file is closed")
        done: asyncio.Future[T] = self._loop.create_future()
        self._asked.put(Piece(lambda connection: work(connection, *args, **kwargs), done))
        return await done

    async def close(self) -> None:
        """Carry out what was asked for, and close the file."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._asked.put(None)
        await self._ended.wait()
        thread.join()

    # -- the thread -------------------------------------------------------------------------------

    def _run(self, opened: asyncio.Future[None]) -> None:
        assert self._loop is not None
        try:
            connection = self._open()
        except (sqlite3.Error, OSError) as error:
            self._loop.call_soon_threadsafe(_settle, [Piece(_nothing, opened, error=error)])
            self._loop.call_soon_threadsafe(self._ended.set)
            return
        self._loop.call_soon_threadsafe(_settle, [Piece(_nothing, opened)])
        try:
            while batch := self._next_batch():
                _carry_out(connection, batch)
                self._loop.call_soon_threadsafe(_settle, batch)
        finally:
            connection.close()
            self._loop.call_soon_threadsafe(self._ended.set)

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, isolation_level=None)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.execute("BEGIN IMMEDIATE")
            self._prepare(connection)
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _next_batch(self) -> list[Piece]:
        """What was asked for by now, at least one piece; nothing at the end."""
        batch: list[Piece] = []
        first = self._asked.get()
        while first is not None:
            batch.append(first)
            if len(batch) == LARGEST_BATCH:
                break
            try:
                first = self._asked.get_nowait()
            except queue.Empty:
                break
        else:
            if batch:
                self._asked.put(None)  # the end again, after this batch
        return batch


def _carry_out(connection: sqlite3.Connection, batch: list[Piece]) -> None:
    if not _in_one_transaction(connection, batch):
        for piece in batch:
            _in_one_transaction(connection, [piece])


def _in_one_transaction(connection: sqlite3.Connection, batch: list[Piece]) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for piece in batch:
            piece.result = piece.work(connection)
        connection.execute("COMMIT")
    except Exception as error:
        # One that cannot even be undone fails each piece to come: the thread has to live to tell them.
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        for piece in batch:
            piece.error = error
        return False
    for piece in batch:
        piece.error = None
    return True


def _settle(batch: list[Piece]) -> None:
    for piece in batch:
        if piece.done.done():
            continue  # its caller went away
        if piece.error is not None:
            piece.done.set_exception(piece.error)
        else:
            piece.done.set_result(piece.result)


def _nothing(_: sqlite3.Connection) -> None: ...
