"""What downloads find, check and write in the models folder before bytes are fetched; all of it blocks."""

from __future__ import annotations

from pathlib import Path

from backend_embedded.library.arrival import arrive, check_free, check_new, model_file
from backend_embedded.library.job import Job
from backend_embedded.library.record import (
    FOLDER,
    Record,
    forget,
    part_file,
    read_records,
    write_record,
)


def prepare(job: Job, move: bool = False) -> None:
    """Check and write what is needed for a new download, or for an import.

    Raises:
        Conflict: there is a model of that name.
        DownloadFailed: the disk has no room for it; one that is moved needs none.
    """
    parts = job.folder / FOLDER
    parts.mkdir(parents=True, exist_ok=True)
    check_new(job.folder, job.record.name)
    if not move:
        check_free(parts, job.record.total_bytes, job.record.name)
    if job.resumable:
        write_record(parts, job.record)


def begin(job: Job) -> None:
    """Check and write what must hold each time before bytes are fetched. Errors as `prepare`."""
    (job.folder / FOLDER).mkdir(parents=True, exist_ok=True)
    record = job.record
    check_new(job.folder, record.file_name)
    left = record.total_bytes - record.came_bytes - record.done_bytes
    check_free(job.folder / FOLDER, left, record.name)
    write_record(job.folder / FOLDER, job.record)


def step(job: Job, sha256: str) -> bool:
    """Check the file that came and give it its place; whether another file follows. Errors as `arrive`."""
    record, parts = job.record, job.folder / FOLDER
    beside = {} if record.waiting else record.beside
    arrive(part_file(parts, record.id), job.folder, record.file_name, sha256, record.sha256, beside)
    if not record.waiting:
        forget(parts, record.id)
        return False
    record.turn_to_next()
    write_record(parts, record)
    return True


def remove_all(job: Job) -> None:
    """Remove what is on the disk of a download that is not done."""
    forget(job.folder / FOLDER, job.record.id)
    for piece in job.record.came:
        model_file(job.folder, piece.name).unlink(missing_ok=True)


def left_in(folder: Path) -> list[Record]:
    """The downloads of a models folder; the rest of an import that was killed is removed."""
    records = list(read_records(folder / FOLDER))
    for record in [one for one in records if _has_come(folder, one)]:
        if record.waiting:  # killed between two files
            record.turn_to_next()
            write_record(folder / FOLDER, record)
            continue
        forget(folder / FOLDER, record.id)  # killed between its last two steps
        records.remove(record)
    known = {record.id for record in records}
    for file in (folder / FOLDER).glob("*"):
        if file.name.startswith(".") or (file.suffix == ".part" and file.stem not in known):
            file.unlink(missing_ok=True)
    return records


def _has_come(folder: Path, record: Record) -> bool:
    """Whether all of it is a model already: it has its name, and nothing is left to be renamed."""
    file = model_file(folder, record.file_name)
    if part_file(folder / FOLDER, record.id).exists() or not file.exists():
        return False
    return record.size_bytes == file.stat().st_size
