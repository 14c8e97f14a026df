"""Values as bytes: msgpack, compressed with zlib when they are large; whole numbers as Redis counts them.

The first byte tells the form: `m` msgpack, `z` zlib over msgpack, a digit or `-` a whole number in ASCII.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgpack

LARGE_BYTES = 1_024
"""Above this size a value is compressed (specification 8.3)."""
LARGEST_BYTES = 64 * 1024 * 1024
"""No value unfolds to more than this, whoever wrote it."""
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
"""What Redis can count."""
PLAIN, COMPRESSED = b"m", b"z"
FASTEST = 1


class Unreadable(ValueError):
    """Bytes that are no value of this program."""


def pack(value: Any) -> bytes:
    """A value of JSON's types (and bytes and times with a zone) as bytes.

    Raises:
        TypeError: a value of another type.
        ValueError: a number or a value that is too large, or nested too deeply.
    """
    if value is None:
        raise TypeError("None stands for a value that is not there; it cannot be kept")
    if isinstance(value, int) and not isinstance(value, bool):
        if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise ValueError("a whole number in the cache has at most 64 bits")
        return str(value).encode()
    try:
        plain = msgpack.packb(value, datetime=True)
    except OverflowError as error:
        raise ValueError("a whole number in the cache has at most 64 bits") from error
    if len(plain) > LARGEST_BYTES:
        raise ValueError(f"a value in the cache has at most {LARGEST_BYTES} bytes")
    if len(plain) <= LARGE_BYTES:
        return PLAIN + plain
    return COMPRESSED + zlib.compress(plain, FASTEST)


def unpack(data: bytes) -> Any:
    """The value that `pack` made bytes of; tuples come back as lists.

    Raises:
        Unreadable: the bytes are cut, damaged or of another program.
    """
    form, rest = data[:1], data[1:]
    try:
        if form == PLAIN:
            return _plain(rest)
        if form == COMPRESSED:
            return _plain(_unfolded(rest))
        if form.isdigit() or form == b"-":
            return int(data)
    except (ValueError, zlib.error, msgpack.UnpackException, OverflowError, RecursionError) as error:
        raise Unreadable(f"a value of the cache cannot be read: {error}") from error
    raise Unreadable("a value of the cache has an unknown form")


def _plain(data: bytes) -> Any:
    return msgpack.unpackb(data, timestamp=3, strict_map_key=False)


def _unfolded(data: bytes) -> bytes:
    unfolding = zlib.decompressobj()
    plain = unfolding.decompress(data, LARGEST_BYTES)
    if unfolding.unconsumed_tail or not unfolding.eof:
        raise Unreadable("it is cut, or unfolds to too much")
    return plain
