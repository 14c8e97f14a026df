"""`sutazai data …`: moves the data to PostgreSQL and back, makes backups, puts them back, checks."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from app.exits import FAILURE, complain
from backend_embedded.contract.data import DataJob, DataWork, FileRequest, JobState, MoveRequest
from ui.client.data_things import DataThings
from ui.client.port import ClientError

LOOK_S = 0.2
BAR_WIDTH = 24
SAID = {
    DataWork.MOVE: "The data is in {target} now: {rows} rows, each compared. The file as it was: {kept}",
    DataWork.BACK: "The data is in {target} again: {rows} rows, each compared.",
    DataWork.BACKUP: "Backed up to {target}: {rows} rows, checked.",
    DataWork.RESTORE: "Put back from {target}: {rows} rows, each compared.",
    DataWork.CHECK: "The data is whole.",
}


async def data(client: DataThings, options: argparse.Namespace) -> int:
    """Carry out one action; returns the exit status. Raises ClientError."""
    job = await _begun(client, options)
    try:
        ended = await _followed(client, job)
    except asyncio.CancelledError:
        await asyncio.shield(_cancel(client))
        raise
    return _tell(ended, as_json=options.json)


async def _begun(client: DataThings, options: argparse.Namespace) -> DataJob:
    match options.action:
        case "move" if options.back:
            return await client.move_data_back()
        case "move":
            return await client.move_data(MoveRequest(url=options.to, replace=options.replace))
        case "backup":
            return await client.back_up_data(
                FileRequest(file=_absolute(options.file), replace=options.replace)
            )
        case "restore":
            return await client.restore_data(FileRequest(file=_absolute(options.file)))
        case _:
            return await client.check_data()


def _absolute(path: str) -> str:
    """The backend may stand in another folder."""
    return str(Path.cwd() / path)


async def _followed(client: DataThings, job: DataJob) -> DataJob:
    """Show how far it is until it has ended."""
    while job.state is JobState.RUNNING:
        _show(progress_line(job))
        await asyncio.sleep(LOOK_S)
        job = await client.data_job()
    _show("")
    return job


async def _cancel(client: DataThings) -> None:
    """Have it undone, and wait until it is."""
    _show("")
    with contextlib.suppress(ClientError):  # a backend that ends undoes it as well
        job = await client.cancel_data_job()
        while job.state is JobState.RUNNING:
            await asyncio.sleep(LOOK_S)
            job = await client.data_job()
        if job.state is JobState.DONE:
            complain("It was done already.")
            return
    complain("Cancelled: everything is as it was.")


def _tell(job: DataJob, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(job.model_dump_json(indent=2) + "\n")
    if job.state is not JobState.DONE:
        error = job.error
        complain("It was cancelled." if error is None else f"{error.message} {error.remedy or ''}".rstrip())
        return FAILURE
    for problem in job.problems:
        complain(problem)
    if job.problems:
        return FAILURE
    if not as_json:
        rows = sum(table.rows for table in job.tables)
        sys.stdout.write(SAID[job.work].format(target=job.target, rows=rows, kept=job.kept) + "\n")
    return 0


def progress_line(job: DataJob) -> str:
    """One line: what is done, and how much of it."""
    filled = BAR_WIDTH * job.done // job.total if job.total else 0
    share = f"{100 * job.done // job.total:3} %" if job.total else ""
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share} {job.step}"


def _show(line: str) -> None:
    """A line on the terminal that the next one takes the place of; nothing when stderr is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()
