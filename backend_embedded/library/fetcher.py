"""Fetches one file into its `.part` file: several parts at once, again after every failure that may pass."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend_embedded.errors import DownloadFailed
from backend_embedded.library.access import Access
from backend_embedded.library.answer_head import StartOver, check_part, check_whole, not_as_told
from backend_embedded.library.connection import Connection, Transient
from backend_embedded.library.disk import disk_error, write_at
from backend_embedded.library.hashing import FollowingHash
from backend_embedded.library.job import Stopped
from backend_embedded.library.offer import refused
from backend_embedded.library.record import SEGMENT_BYTES, Record, Segment, part_file, write_record
from backend_embedded.library.transport import Transport

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How a download behaves.

    Attributes:
        parts: connections at once.
        tries: failures in a row, without a byte between them, until it is given up.
        pause_s: pause after the first of them, doubled each time.
        save_s: time between two writes of the JSON file.
    """

    parts: int = 4
    segment_bytes: int = SEGMENT_BYTES
    buffer_bytes: int = 1024 * 1024
    tries: int = 6
    pause_s: float = 1.0
    longest_pause_s: float = 30.0
    save_s: float = 1.0


class Fetcher:
    """One run of a download; `run` blocks in a thread, `stop` is called from another.

    Args:
        record: changed as it goes on; others may read it.
        folder: of the `.part` and the JSON file.
        token: for the host of the record's address, or empty.
        renew: asks for a new token when the server does not take that any more.
    """

    def __init__(
        self,
        record: Record,
        folder: Path,
        transport: Transport,
        limits: Limits,
        token: str = "",
        renew: Callable[[], str] = lambda: "",
    ) -> None:
        self._record = record
        self._folder = folder
        self._transport = transport
        self._limits = limits
        self._access = Access(token, renew)
        self._stopping = threading.Event()  # by the user
        self._over = threading.Event()  # this attempt: stopped, failed or done
        self._changed = threading.Condition()
        self._waiting: list[Segment] = []
        self._connections: set[Connection] = set()
        self._failure: BaseException | None = None
        self._saved_s = 0.0
        self.sha256 = ""

    def run(self) -> None:
        """Fetch what is missing; afterwards the `.part` file is whole and `sha256` is what it has.

        Raises:
            Stopped: `stop` was called.
            ControlCenterError: it cannot be fetched.
        """
        for attempt in range(self._limits.tries):
            try:
                self._attempt()
                return
            except StartOver as reason:
                log.info("The download of %s starts over: %s", self._record.name, reason)
                ranges = self._record.ranges
                self._record.begin(self._limits.segment_bytes if ranges is not False else 2**63)
                self._record.ranges = ranges
                if attempt + 1 == self._limits.tries:
                    raise DownloadFailed(
                        f"{self._record.name} cannot be fetched: {reason}.", remedy="Try again later."
                    ) from None

    def stop(self) -> None:
        """End `run` soon, whatever it waits for."""
        self._stopping.set()
        self._end(None)

    # -- one attempt ------------------------------------------------------------------------------

    def _attempt(self) -> None:
        record = self._record
        if self._stopping.is_set():
            raise Stopped
        if not record.segments:
            record.begin(self._limits.segment_bytes)
        self._over.clear()
        self._failure = None
        self._waiting = [segment for segment in record.segments if not segment.whole]
        descriptor = os.open(part_file(self._folder, record.id), os.O_RDWR | os.O_CREAT, 0o644)
        hashing = FollowingHash(descriptor, lambda: record.frontier, self._changed)
        workers: list[threading.Thread] = []
        try:
            hashing.start()
            workers = self._start_workers(descriptor)
            for worker in workers:
                worker.join()
            self._save()
            self._raise_failure()
            self.sha256 = hashing.finish(record.size_bytes, self._stopping)
            if self._stopping.is_set():
                raise Stopped
            os.fsync(descriptor)
        finally:
            hashing.abandon()
            os.close(descriptor)

    def _start_workers(self, descriptor: int) -> list[threading.Thread]:
        """The first connection finds out whether parts can be had; then the others come."""
        workers = [threading.Thread(target=self._work, args=(descriptor,), name="download")]
        workers[0].start()
        with self._changed:
            while self._record.ranges is None and workers[0].is_alive() and not self._over.is_set():
                self._changed.wait(0.5)
            more = min(self._limits.parts - 1, len(self._waiting)) if self._record.ranges else 0
        for _ in range(more):
            workers.append(threading.Thread(target=self._work, args=(descriptor,), name="download"))
            workers[-1].start()
        return workers

    def _raise_failure(self) -> None:
        if self._stopping.is_set():
            raise Stopped
        if self._failure is not None:
            raise self._failure

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            if self._failure is None:
                self._failure = failure
            self._over.set()
            self._changed.notify_all()
            connections = list(self._connections)
        for connection in connections:
            connection.cut()

    # -- one connection after another -------------------------------------------------------------

    def _work(self, descriptor: int) -> None:
        buffer = memoryview(bytearray(self._limits.buffer_bytes))
        try:
            while not self._over.is_set():
                with self._changed:
                    if not self._waiting:
                        return
                    segment = self._waiting.pop(0)
                self._fetch(segment, descriptor, buffer)
        except OSError as error:
            self._end(disk_error(error, self._record.name))
        except BaseException as error:  # handed to the thread that waits for this one
            self._end(error)
        finally:
            with self._changed:
                self._changed.notify_all()

    def _fetch(self, segment: Segment, descriptor: int, buffer: memoryview) -> None:
        failures = 0
        while not segment.whole and not self._over.is_set():
            before = segment.done
            try:
                self._once(segment, descriptor, buffer)
            except Transient as error:
                failures = 1 if segment.done > before else failures + 1
                if self._over.is_set():
                    return
                self._wait_after(error, failures)

    def _wait_after(self, error: Transient, failures: int) -> None:
        """Pause before the next try; too many failures end the download."""
        record, limits = self._record, self._limits
        if failures >= limits.tries:
            raise DownloadFailed(
                f"{record.name} cannot be fetched now: {error.message}, {failures} times in a row.",
                remedy="Check the network, then resume the download: it goes on where it was.",
                url=record.url,
            )
        pause_s = min(limits.pause_s * 2.0 ** (failures - 1), limits.longest_pause_s)
        if error.retry_after_s is not None:
            pause_s = error.retry_after_s
        record.retries += 1
        record.message = f"Tries again in {pause_s:.0f} s: {error.message}."
        self._over.wait(pause_s)
        record.message = ""

    def _once(self, segment: Segment, descriptor: int, buffer: memoryview) -> None:
        token = self._access.token
        connection = self._transport.open(self._record.url, headers=self._headers(segment, token))
        with self._changed:
            self._connections.add(connection)
        try:
            if not self._over.is_set():
                self._check(connection, segment, token)
                self._body(connection, segment, descriptor, buffer)
        finally:
            with self._changed:
                self._connections.discard(connection)
            connection.close()

    def _headers(self, segment: Segment, token: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self._record.ranges is not False:
            last = str(segment.end - 1) if segment.end else ""
            headers["Range"] = f"bytes={segment.at}-{last}"
            if self._record.etag.startswith('"') and segment.at:
                headers["If-Range"] = self._record.etag
        return headers

    # -- the head of an answer --------------------------------------------------------------------

    def _check(self, connection: Connection, segment: Segment, token: str) -> None:
        status = connection.status
        if status == 401:
            if self._access.refused(token):
                raise Transient("the server asks for a new token", 0.0)
        else:
            self._access.taken(token)
        if status == 416:
            raise StartOver("the server has another size of it")
        if status not in (200, 206):
            raise refused(status, f"file {self._record.name}", connection.url)
        etag = connection.headers.get("ETag") or ""
        with self._changed:
            if status == 206:
                check_part(self._record, segment, connection, etag)
            else:
                check_whole(self._record, segment, connection)
                self._waiting.clear()
            self._record.etag = self._record.etag or etag
            self._changed.notify_all()

    # -- its body ---------------------------------------------------------------------------------

    def _body(self, connection: Connection, segment: Segment, descriptor: int, buffer: memoryview) -> None:
        came = 0
        while not self._over.is_set():
            count = connection.read_into(buffer)
            if not count:
                break
            came += count
            if segment.end and segment.at + count > segment.end:
                raise not_as_told(self._record, "the server sends more than it said")
            write_at(descriptor, buffer[:count], segment.at)
            with self._changed:
                segment.done += count
                self._changed.notify_all()
            self._save_sometimes()
        if self._over.is_set() or segment.whole:
            return
        if connection.length is None and not segment.end and came:
            segment.end = self._record.size_bytes = segment.at  # the end of a file of unknown size
            return
        raise Transient("the connection was cut before the end")

    def _save_sometimes(self) -> None:
        now_s = time.monotonic()
        if now_s - self._saved_s >= self._limits.save_s:
            self._saved_s = now_s
            self._save()

    def _save(self) -> None:
        with self._changed:
            write_record(self._folder, self._record)
