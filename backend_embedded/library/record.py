"""What is on the disk of one download: a `.part` file and a JSON file that says what of it is there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backend_embedded.library.offer import Offer, Piece
from backend_embedded.llm.files.parts import base_name, parts_called
from backend_embedded.settings import write_whole

log = logging.getLogger(__name__)

FOLDER = ".downloads"
SEGMENT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Segment:
    """Bytes `start` to `end` (not included) of the file, of which the first `done` are on the disk.

    `end` is 0 while the size is unknown.
    """

    start: int
    end: int
    done: int = 0

    @property
    def at(self) -> int:
        """Where its next byte goes."""
        return self.start + self.done

    @property
    def whole(self) -> bool:
        """All of it is there."""
        return self.end > 0 and self.at >= self.end


@dataclass(slots=True)
class Record:
    """State of a download, as its JSON file has it.

    Attributes:
        running: it was going on when this was written; after a crash it goes on by itself.
        size_bytes: 0 while unknown.
        sha256: empty when nobody tells it.
        etag: what the server calls this version of the file.
        ranges: the server sends parts; None while that is not known.
        beside: what belongs to the model besides its file.
        file: of a model in several files the one under way, before `.gguf`; url, sizes, sha256 and segments are
            this one's. Empty: the model is one file.
        waiting: files that follow it; the model's first is the last, so that half a model is never seen.
        came: files that are in their place.
    """

    id: str
    reference: str
    name: str
    url: str
    started_at: str
    size_bytes: int = 0
    sha256: str = ""
    etag: str = ""
    ranges: bool | None = None
    running: bool = True
    retries: int = 0
    failed: bool = False
    message: str = ""
    remedy: str = ""
    beside: dict[str, str] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    file: str = ""
    waiting: list[Piece] = field(default_factory=list)
    came: list[Piece] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        """Name of the file under way, before `.gguf`."""
        return self.file or self.name

    @property
    def came_bytes(self) -> int:
        """Bytes of the files that are in their place."""
        return sum(piece.size_bytes for piece in self.came)

    @property
    def total_bytes(self) -> int:
        """Bytes of all files; 0 while unknown."""
        return self.came_bytes + self.size_bytes + sum(piece.size_bytes for piece in self.waiting)

    def turn_to_next(self) -> None:
        """The file under way is in its place: go over to the next one."""
        self.came.append(Piece(self.file_name, self.url, self.size_bytes, self.sha256))
        self._take(self.waiting.pop(0))

    def _take(self, piece: Piece) -> None:
        self.file, self.url = piece.name, piece.url
        self.size_bytes, self.sha256 = piece.size_bytes, piece.sha256
        self.segments, self.etag, self.ranges = [], "", None

    def in_pieces(self, pieces: tuple[Piece, ...]) -> None:
        """Lay out a model in several files; the first is fetched last."""
        first, second, *others = pieces
        self.waiting = [*others, first]
        self._take(second)

    @property
    def done_bytes(self) -> int:
        """Bytes on the disk."""
        return sum(segment.done for segment in self.segments)

    @property
    def whole(self) -> bool:
        """Every byte is on the disk."""
        return bool(self.segments) and all(segment.whole for segment in self.segments)

    @property
    def frontier(self) -> int:
        """Bytes from the start of the file up to the first gap."""
        at = 0
        for segment in self.segments:
            at = segment.at
            if not segment.whole:
                break
        return at

    def begin(self, segment_bytes: int) -> None:
        """Lay out the file from nothing."""
        size = self.size_bytes
        starts = range(0, size, segment_bytes)
        self.segments = [Segment(start, min(start + segment_bytes, size)) for start in starts] or [
            Segment(0, 0)
        ]
        self.etag = ""
        self.ranges = None


def record_of(offer: Offer, download_id: str, name: str, started_at: str) -> Record:
    """A new record; of a model in several files `name` is changed into that of its first."""
    record = Record(
        id=download_id,
        reference=offer.reference,
        name=name,
        url=offer.url,
        started_at=started_at,
        size_bytes=offer.size_bytes,
        sha256=offer.sha256,
        beside=offer.beside,
    )
    if offer.pieces:
        names = parts_called(base_name(name), len(offer.pieces))
        record.name = names[0]
        record.in_pieces(
            tuple(replace(piece, name=own) for piece, own in zip(offer.pieces, names, strict=True))
        )
    return record


def read_records(folder: Path) -> Iterator[Record]:
    """The downloads of a folder; what cannot be read is passed over."""
    for file in sorted(folder.glob("*.json")):
        try:
            yield _parse(json.loads(file.read_bytes()), _size(part_file(folder, file.stem)))
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.info("The download in %s cannot be taken up: %s", file, error)


def part_file(folder: Path, download_id: str) -> Path:
    """Where the bytes of a download are."""
    return folder / f"{download_id}.part"


def write_record(folder: Path, record: Record) -> None:
    """Write its JSON file, the old one or the new one whole."""
    write_whole(folder / f"{record.id}.json", json.dumps(asdict(record), indent=1), mode=0o600)


def forget(folder: Path, download_id: str) -> None:
    """Remove all that is on the disk of a download."""
    (folder / f"{download_id}.json").unlink(missing_ok=True)
    part_file(folder, download_id).unlink(missing_ok=True)


def _parse(facts: dict[str, Any], on_disk: int) -> Record:
    """A record; of segments only what the part file has room for is believed."""
    segments = [Segment(int(s["start"]), int(s["end"]), int(s["done"])) for s in facts.pop("segments")]
    for key in ("waiting", "came"):
        facts[key] = [Piece(**piece) for piece in facts.get(key, ())]
    record = Record(**facts)
    for segment in segments:
        segment.done = max(0, min(segment.done, on_disk - segment.start))
    record.segments = segments if _fits(segments, record.size_bytes) else []
    return record


def _fits(segments: list[Segment], size: int) -> bool:
    """Whether segments cover a file without gap or overlap."""
    at = 0
    for segment in segments:
        if segment.start != at or (segment.end and segment.end < segment.start):
            return False
        at = segment.end
    return at == size


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
