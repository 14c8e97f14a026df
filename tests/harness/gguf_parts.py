"""A GGUF model cut into several files, as `gguf-split` of llama.cpp does."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from retemplated import ALIGNMENT, after, packed, string_at

U16, I32 = 2, 5


@dataclass(frozen=True)
class Tensor:
    """Name, what the header says before the place, place among the weights, bytes."""

    head: bytes
    at: int
    size: int


def in_parts(source: Path, folder: Path, base: str, count: int) -> list[Path]:
    """Write `base-00001-of-0000N.gguf` and the others; the first has the header of the whole."""
    data = source.read_bytes()
    _, entries = struct.unpack_from("<QQ", data, 8)
    at = 24
    for _ in range(entries):
        _, at = string_at(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        at = after(data, at + 4, kind)
    kept = data[24:at]
    tensors, weights = _tensors(data, at)
    share = -(-len(tensors) // count)
    files = []
    for number in range(count):
        told = [("split.no", U16, "<H", number), ("split.count", U16, "<H", count)]
        told.append(("split.tensors.count", I32, "<i", len(tensors)))
        own = b"".join(
            packed(key) + struct.pack("<I", kind) + struct.pack(form, value)
            for key, kind, form, value in told
        )
        chosen = tensors[number * share : (number + 1) * share]
        head, body = b"", bytearray()
        for tensor in chosen:
            head += tensor.head + struct.pack("<Q", len(body))
            start = weights + tensor.at
            body += data[start : start + tensor.size]
            body += bytes(-len(body) % ALIGNMENT)
        many = len(told) + (entries if number == 0 else 0)
        whole = data[:8] + struct.pack("<QQ", len(chosen), many) + (kept if number == 0 else b"") + own + head
        file = folder / f"{base}-{number + 1:05d}-of-{count:05d}.gguf"
        file.write_bytes(whole + bytes(-len(whole) % ALIGNMENT) + bytes(body))
        files.append(file)
    return files


def _tensors(data: bytes, at: int) -> tuple[list[Tensor], int]:
    """All tensors in the order of the file, and where its weights begin."""
    (count,) = struct.unpack_from("<Q", data, 8)
    heads: list[tuple[bytes, int]] = []
    for _ in range(count):
        start = at
        _, at = string_at(data, at)
        (dimensions,) = struct.unpack_from("<I", data, at)
        at += 4 + 8 * dimensions + 4
        heads.append((data[start:at], *struct.unpack_from("<Q", data, at)))
        at += 8
    weights = at + -at % ALIGNMENT
    heads.sort(key=lambda head: head[1])
    ends = [place for _, place in heads[1:]] + [len(data) - weights]
    return [Tensor(head, place, end - place) for (head, place), end in zip(heads, ends, strict=True)], weights
