"""What a file is that is no GGUF, in people's words."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile

import pytest

from backend_embedded.llm.files.kind import LFS_POINTER, NEEDED_BYTES, UNKNOWN, kind_of


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("data.pkl", b"weights")
    return data.getvalue()


def safetensors() -> bytes:
    head = json.dumps({"weight": {"dtype": "F16", "shape": [64], "data_offsets": [0, 128]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(128)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE html><html><title>Sign in</title>", "a web page (HTML)"),
        (b"\xef\xbb\xbf\n  <HTML lang=en>", "a web page (HTML)"),
        (b"<!-- made by hand --><html>", "a web page (HTML)"),
        (b'{"error": "Repository not found"}', "JSON"),
        (b'  [\n {"a": 1}', "JSON"),
        (zipped(), "a ZIP archive"),
        (gzip.compress(b"weights"), "compressed by gzip"),
        (safetensors(), "Safetensors"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "an image (PNG)"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "an image (JPEG)"),
        (b"%PDF-1.7\n%\xe2\xe3", "a document (PDF)"),
        (POINTER, LFS_POINTER),
        (b"FUGG\x00\x00\x00\x03", "the other byte order"),
        (bytes(64), "filled with zeros"),
        (b"", "empty"),
        ("Das Modell liegt anderswo: é".encode(), "plain text"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", UNKNOWN),
        (b"{\x00\x01\x02", UNKNOWN),
    ],
)
def test_a_kind_is_seen_by_the_first_bytes(data: bytes, kind: str) -> None:
    assert kind in kind_of(data[:NEEDED_BYTES])


def test_a_text_that_is_cut_inside_a_letter_is_a_text() -> None:
    assert kind_of(("a" + "é" * NEEDED_BYTES).encode()[:NEEDED_BYTES]) == "plain text"
