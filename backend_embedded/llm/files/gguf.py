"""Reads what a GGUF file says about itself, without its weights.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

from backend_embedded.errors import ModelFileInvalid
from backend_embedded.llm.files.kind import LFS_POINTER, NEEDED_BYTES, kind_of

MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_READERS = {code: struct.Struct("<" + form) for code, form in _SCALARS.items()}
_U32, _U64, _TWO_U64 = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<QQ")
_MOST_ENTRIES = 1_000_000
_ENCODERS = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "gemma-embedding"}
"""Architectures that make vectors and no text."""
_REMEDY = "The file is damaged or not complete: fetch it again, or delete it."

FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
"""`general.file_type` to the name of the quantization (llama.h, enum llama_ftype)."""

_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Tensor type to values and bytes of one block (ggml.c, type_traits)."""


@dataclass(frozen=True, slots=True)
class GgufFile:
    """What the header says. Sizes in bytes, lengths in tokens; 0 or empty where it says nothing."""

    size_bytes: int
    version: int
    architecture: str
    name: str
    size_label: str
    quantization: str
    license: str
    parameters: int
    context_length: int
    kv_bytes_per_token: int
    """Memory that one token takes in a cache of 16-bit keys and values."""
    embeds: bool = False
    """It has an encoder's pooling: made for vectors."""
    tools: bool = False
    """Its chat template has a place for tools."""
    heads: int = 0
    """Of its attention."""
    width: int = 0
    """Numbers of a token's vector."""


def read_gguf(path: Path) -> GgufFile:
    """Read a file's header; blocking, some milliseconds.

    Raises:
        ModelFileInvalid: not a GGUF, cut off, or a header that makes no sense; names the file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        start = file.read(24)
        if start[:4] != MAGIC:
            file.seek(0)
            raise _not_gguf(path, kind_of(file.read(NEEDED_BYTES)))
        if len(start) < 24:
            raise _invalid(path, f"is cut off: it has {size_bytes} bytes")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Header(path, data, size_bytes).parse()
            except (struct.error, IndexError, OverflowError) as error:
                raise _invalid(path, f"is cut off inside its header: it has {size_bytes} bytes") from error


def read_metadata(path: Path) -> dict[str, object]:
    """All keys and values of a header, arrays as None; blocking. Errors as `read_gguf`."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Header(path, data, len(data)).metadata()
        except (struct.error, IndexError, OverflowError) as error:
            raise _invalid(path, "is cut off inside its header") from error


def _not_gguf(path: Path, kind: str) -> ModelFileInvalid:
    if kind == LFS_POINTER:
        remedy = "Fetch the model itself: `git lfs pull` in its folder, or get it under Models."
    else:
        remedy = "Choose or fetch a file that ends in .gguf."
    return ModelFileInvalid(f"{path} is not a GGUF file: it is {kind}.", remedy=remedy, file=str(path))


def _invalid(path: Path, what: str) -> ModelFileInvalid:
    return ModelFileInvalid(f"{path} {what}.", remedy=_REMEDY, file=str(path))


class _Header:
    """One walk over a header."""

    def __init__(self, path: Path, data: mmap.mmap, size_bytes: int) -> None:
        self._path = path
        self._data = data
        self._size_bytes = size_bytes
        self._at = 0

    def metadata(self) -> dict[str, object]:
        """The header's keys and values."""
        (entries,) = _U64.unpack_from(self._data, 16)
        if entries > _MOST_ENTRIES:
            raise _invalid(self._path, "has a header that makes no sense")
        self._at = 24
        return dict(self._entries(entries))

    def parse(self) -> GgufFile:
        version = self._u32(4)
        if not 2 <= version <= 3:
            raise _invalid(self._path, f"has GGUF version {version}; 2 and 3 are known")
        tensors, entries = _TWO_U64.unpack_from(self._data, 8)
        if tensors > _MOST_ENTRIES or entries > _MOST_ENTRIES:
            raise _invalid(self._path, "has a header that makes no sense")
        self._at = 24
        facts = dict(self._entries(entries))
        parameters, end = self._tensors(tensors, _whole(facts.get("general.alignment")) or 32)
        if end > self._size_bytes:
            raise _invalid(self._path, f"is cut off: it needs {end} bytes and has {self._size_bytes}")
        architecture = str(facts.get("general.architecture", ""))
        file_type = facts.get("general.file_type")
        return GgufFile(
            size_bytes=self._size_bytes,
            version=version,
            architecture=architecture,
            name=str(facts.get("general.name", "")),
            size_label=str(facts.get("general.size_label", "")),
            quantization=FILE_TYPES.get(file_type, "") if isinstance(file_type, int) else "",
            license=str(facts.get("general.license", "")),
            parameters=parameters,
            context_length=_whole(facts.get(f"{architecture}.context_length")),
            kv_bytes_per_token=_kv_bytes(facts, architecture),
            embeds=f"{architecture}.pooling_type" in facts or architecture in _ENCODERS,
            tools="tools" in str(facts.get("tokenizer.chat_template", "")),
            heads=_whole(facts.get(f"{architecture}.attention.head_count")),
            width=_whole(facts.get(f"{architecture}.embedding_length")),
        )

    def _entries(self, count: int) -> Iterator[tuple[str, object]]:
        for _ in range(count):
            key = self._string()
            kind = self._u32(self._at)
            self._at += 4
            yield key, self._value(kind)

    def _value(self, kind: int) -> object:
        """A value; arrays are passed over and come back as None."""
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._skip_array()
            return None
        reader = _READERS.get(kind)
        if reader is None:
            raise _invalid(self._path, f"has a value of unknown type {kind}")
        (value,) = reader.unpack_from(self._data, self._at)
        self._at += reader.size
        return value

    def _skip_array(self) -> None:
        kind = self._u32(self._at)
        (count,) = _U64.unpack_from(self._data, self._at + 4)
        self._at += 12
        if kind == _STRING:
            at, data, read = self._at, self._data, _U64.unpack_from
            for _ in range(count):
                at += 8 + read(data, at)[0]
            self._at = at
        elif kind in _READERS:
            self._at += count * _READERS[kind].size
        else:
            raise _invalid(self._path, f"has an array of unknown type {kind}")

    def _tensors(self, count: int, alignment: int) -> tuple[int, int]:
        """Number of parameters, and where the last tensor ends in the file."""
        parameters = last = 0
        for _ in range(count):
            self._string()
            dimensions = self._u32(self._at)
            if dimensions > 8:
                raise _invalid(self._path, "has a header that makes no sense")
            shape = struct.unpack_from(f"<{dimensions}Q", self._data, self._at + 4)
            self._at += 4 + 8 * dimensions
            kind = self._u32(self._at)
            (offset,) = _U64.unpack_from(self._data, self._at + 4)
            self._at += 12
            values = prod(shape)
            block, block_bytes = _BLOCKS.get(kind, (1, 0))
            parameters += values
            last = max(last, offset + -(-values // block) * block_bytes)
        start = -(-self._at // alignment) * alignment
        return parameters, start + last

    def _u32(self, at: int) -> int:
        value: int = _U32.unpack_from(self._data, at)[0]
        return value

    def _string(self) -> str:
        (length,) = _U64.unpack_from(self._data, self._at)
        start = self._at + 8
        self._at = start + length
        if self._at > self._size_bytes:
            raise IndexError
        return self._data[start : self._at].decode("utf-8", "replace")


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _kv_bytes(facts: dict[str, object], architecture: str) -> int:
    """Bytes that one token takes in the cache: keys and values of all layers at 16 bits."""

    def fact(name: str) -> int:
        return _whole(facts.get(f"{architecture}.{name}"))

    heads = fact("attention.head_count") or 1
    kv_heads = fact("attention.head_count_kv") or heads
    head_width = fact("embedding_length") // heads
    key_width = fact("attention.key_length") or head_width
    value_width = fact("attention.value_length") or head_width
    return 2 * fact("block_count") * kv_heads * (key_width + value_width)
