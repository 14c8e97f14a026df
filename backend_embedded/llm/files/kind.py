"""Names in people's words what a file is that is no GGUF, by its first bytes."""

from __future__ import annotations

NEEDED_BYTES = 512
"""So many bytes of a file's beginning are enough for all kinds."""
UNKNOWN = "a file of another kind"
LFS_POINTER = "a Git LFS pointer: a small text that stands for the model, which was not fetched with it"
_MARKS = (
    (b"version https://git-lfs.github.com/spec/", LFS_POINTER),
    (b"PK\x03\x04", "a ZIP archive (PyTorch weights are kept so, too)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard"),
    (b"\xfd7zXZ\x00", "compressed by xz"),
    (b"BZh", "compressed by bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"%PDF-", "a document (PDF)"),
    (b"FUGG", "a GGUF file for machines of the other byte order"),
    (b"lmgg", "a model in the GGML format, which came before GGUF"),
    (b"fmgg", "a model in the GGML format, which came before GGUF"),
    (b"tjgg", "a model in the GGML format, which came before GGUF"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
)
_PAGE_MARKS = (b"<!doctype html", b"<html", b"<head", b"<body")


def kind_of(start: bytes) -> str:
    """What a file is that begins so: `a web page (HTML)`; `UNKNOWN` when that is not seen.

    Args:
        start: its first bytes, `NEEDED_BYTES` or all of a shorter file.
    """
    if not start:
        return "empty"
    if not start.strip(b"\x00"):
        return "filled with zeros: it was reserved, and its content never came"
    for mark, words in _MARKS:
        if start.startswith(mark):
            return words
    if _is_safetensors(start):
        return "a model in the Safetensors format"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.lower().startswith(_PAGE_MARKS) or (text.startswith(b"<!--") and b"<html" in text.lower()):
        return "a web page (HTML)"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if text.startswith((b"{", b"[")) and _is_text(text):
        return "JSON"
    return "plain text" if _is_text(text) else UNKNOWN


def _is_safetensors(start: bytes) -> bool:
    """The length of a header in JSON, then that header (https://github.com/huggingface/safetensors)."""
    if len(start) < 9 or start[8:9] != b"{":
        return False
    header_bytes = int.from_bytes(start[:8], "little")
    return 2 <= header_bytes <= 100_000_000


def _is_text(start: bytes) -> bool:
    try:
        # a character may be cut at the end of what was read
        words = start.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return False
        words = start[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in words)
