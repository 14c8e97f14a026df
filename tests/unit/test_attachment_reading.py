"""What is read of attached files, and what is refused with which reason."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from backend_embedded.attachments import reading
from backend_embedded.attachments.reading import read_file
from backend_embedded.errors import InvalidInput, TooLarge


def pdf(*texts: str, password: str = "") -> bytes:
    writer = PdfWriter()
    for text in texts:
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
        page[NameObject("/Contents")] = writer._add_object(content)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


AES_LOCKED = pdf("secret", password="x").replace(b"/V 2", b"/V 5").replace(b"/R 3", b"/R 6")
"""Says that it is locked with AES, for which the reader has no library here."""


@pytest.mark.parametrize(
    ("name", "data", "text", "media_type"),
    [
        ("a.txt", b"one\r\ntwo\rthree", "one\ntwo\nthree", "text/plain"),
        ("a.md", "Grüße 🙂".encode(), "Grüße 🙂", "text/markdown"),
        ("a.py", b"\xef\xbb\xbfprint(1)", "print(1)", "text/x-python"),
        ("a.csv", b"\xff\xfe" + "a;ä".encode("utf-16-le"), "a;ä", "text/csv"),
        ("a.json", b'{"a": 1}', '{"a": 1}', "application/json"),
        ("a.txt", "Größe".encode("latin-1"), "Größe", "text/plain"),
        ("Makefile", b"all:\n\ttrue", "all:\n\ttrue", "text/plain"),
    ],
)
def test_text_is_read_in_its_encoding(name: str, data: bytes, text: str, media_type: str) -> None:
    found = read_file(name, data)
    assert (found.text, found.media_type, found.pages) == (text, media_type, 0)


def test_the_text_of_a_pdf_is_read_page_by_page() -> None:
    found = read_file("a.pdf", pdf("first page", "second page"))
    assert (found.text, found.pages, found.media_type) == (
        "first page\n\nsecond page",
        2,
        "application/pdf",
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \n ", "no text"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
        (b"\x7fELF" + bytes(range(256)) * 4, "binary"),
        (bytes([1, 2, 3, 4, 0xFF]) * 50, "binary"),
        (pdf(""), "only pictures"),
        (pdf("secret", password="x"), "password"),
        (AES_LOCKED, "password"),
        (b"%PDF-1.7 nothing of it is right", "cannot be read"),
    ],
)
@pytest.mark.allow_logs(".*")
def test_what_cannot_be_read_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        read_file("thing.bin", data)
    assert caught.value.message.startswith("thing.bin cannot be attached")
    assert caught.value.remedy is not None


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_BYTES", 10)
    with pytest.raises(TooLarge):
        read_file("a.txt", b"x" * 11)
    monkeypatch.setattr(reading, "LARGEST_CHARACTERS", 5)
    with pytest.raises(TooLarge):
        read_file("a.txt", b"x" * 6)
