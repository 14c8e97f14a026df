"""Brings a GGUF file of this machine into the models folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from pathlib import Path

from backend_embedded.errors import ControlCenterError, InvalidInput, ModelUnsupported
from backend_embedded.library.disk import disk_error
from backend_embedded.library.job import Stopped
from backend_embedded.library.record import Record, Segment, part_file
from backend_embedded.llm.files.gguf import read_gguf
from backend_embedded.llm.files.parts import part_names

CHUNK_BYTES = 8 * 1024 * 1024
FICLONE = 0x40049409
"""Share the blocks of another file (linux/fs.h)."""
_COMPANIONS = frozenset({"clip", "mmproj"})


def check_import(path: Path) -> int:
    """Whether a file can be imported; its size in bytes.

    Raises:
        InvalidInput: there is no such file, or it cannot be read.
        ModelFileInvalid: it is no GGUF, or cut off.
        ModelUnsupported: it is a part of another model.
    """
    if not path.is_absolute() or not path.is_file():
        raise InvalidInput(f"There is no file {path}.", remedy="Choose a .gguf file of this machine.")
    try:
        header = read_gguf(path)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the file's rights."
        ) from error
    if header.architecture in _COMPANIONS or not (header.architecture or len(part_names(path.stem)) > 1):
        raise ModelUnsupported(
            f"{path} is no language model by itself.",
            remedy="Choose the model's own file.",
            file=str(path),
            architecture=header.architecture,
        )
    count = len(part_names(path.stem))
    if count > 1:
        raise ModelUnsupported(
            f"{path} is one of {count} parts of a model, which are not imported one by one.",
            remedy="Put all of them into the models folder.",
            file=str(path),
        )
    return header.size_bytes


class Copy:
    """Copies (or moves) a file into a `.part` file; the file system shares the blocks where it can."""

    def __init__(self, record: Record, source: Path, folder: Path, move: bool) -> None:
        self._record = record
        self._source = source
        self._part = part_file(folder, record.id)
        self._move = move
        self._stopping = threading.Event()

    def run(self) -> None:
        """Bring all bytes.

        Raises:
            Stopped: `stop` was called; nothing is left behind.
            ControlCenterError: the file cannot be read or written.
        """
        size = self._record.size_bytes
        self._record.segments = [segment := Segment(0, size)]
        try:
            if self._move and self._renamed():
                segment.done = size
                return
            self._copy(segment)
        except BaseException as error:
            self._part.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise self._told(error) from error
            raise

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()

    def put_back(self) -> None:
        """The file did not become a model: one that was moved goes back to where it was."""
        if self._part.exists():
            if self._source.exists():
                self._part.unlink()
            else:
                self._part.rename(self._source)

    def finish(self) -> None:
        """It is a model now: remove the source, if it was to be moved."""
        if self._move:
            with contextlib.suppress(OSError):  # two copies are better than none
                self._source.unlink(missing_ok=True)

    def _renamed(self) -> bool:
        try:
            self._source.rename(self._part)
        except OSError as error:
            if error.errno in (errno.EXDEV, errno.EPERM, errno.EACCES):
                return False
            raise
        return True

    def _copy(self, segment: Segment) -> None:
        with self._source.open("rb") as source, self._part.open("wb") as part:
            with contextlib.suppress(OSError):
                fcntl.ioctl(part.fileno(), FICLONE, source.fileno())
                segment.done = segment.end
                return
            while not segment.whole:
                if self._stopping.is_set():
                    raise Stopped
                count = os.copy_file_range(
                    source.fileno(), part.fileno(), min(CHUNK_BYTES, segment.end - segment.done)
                )
                if not count:
                    raise InvalidInput(f"{self._source} became shorter while it was copied.")
                segment.done += count
            os.fsync(part.fileno())

    def _told(self, error: OSError) -> ControlCenterError:
        return disk_error(error, self._record.name)
