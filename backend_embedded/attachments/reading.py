"""Reads text, source code, tables and PDF files; refuses what a language model cannot read, and says why."""

from __future__ import annotations

import io
import mimetypes
from dataclasses import dataclass

from backend_embedded.errors import InvalidInput, TooLarge

LARGEST_BYTES = 15 * 1024 * 1024
LARGEST_CHARACTERS = 4_000_000
MOST_PAGES = 2_000
CONTROLS_OF_TEXT = set(b"\t\n\f\r\x1b")
PROBE_BYTES = 64 * 1024
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_MEDIA_TYPES = {
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What was found in a file; `pages` is 0 for what has none."""

    media_type: str
    text: str
    pages: int = 0


def read_file(name: str, data: bytes) -> ReadFile:
    """The text of a file. Blocking: a large PDF takes seconds.

    Raises:
        InvalidInput: it is empty, an image, binary, an encrypted PDF or one without text.
        TooLarge: it has more bytes or characters than a file may have.
    """
    if not data:
        raise _refused(name, "it is empty")
    if len(data) > LARGEST_BYTES:
        raise TooLarge(
            f"{name} is larger than {LARGEST_BYTES // 2**20} MiB.", remedy="Attach the part that matters."
        )
    if data.startswith(b"%PDF-"):
        found = _pdf(name, data)
    elif data.startswith(_IMAGES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        raise _refused(name, "it is an image, and the models here read text only")
    else:
        found = ReadFile(_media_type(name), _text(name, data))
    if not found.text.strip():
        raise _refused(name, "there is no text in it")
    if len(found.text) > LARGEST_CHARACTERS:
        raise TooLarge(
            f"{name} has more than {LARGEST_CHARACTERS:,} characters.", remedy="Attach the part that matters."
        )
    return found


def _text(name: str, data: bytes) -> str:
    """Decode by the byte order mark, else as UTF-8, else (where nothing looks binary) as Latin-1."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _lines(data[len(mark) :].decode(encoding, "replace"))
    probe = data[:PROBE_BYTES]
    if b"\0" in probe:
        raise _refused(name, "it is a binary file, not text")
    try:
        return _lines(data.decode("utf-8"))
    except UnicodeDecodeError:
        controls = sum(1 for byte in probe if byte < 32 and byte not in CONTROLS_OF_TEXT)
        if controls * 100 > len(probe):
            raise _refused(name, "it is a binary file, not text") from None
        return _lines(data.decode("cp1252", "replace"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _pdf(name: str, data: bytes) -> ReadFile:
    # Imported here: few starts need it.
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _refused(name, "the PDF is protected by a password")
        pages = len(reader.pages)
        if pages > MOST_PAGES:
            raise TooLarge(f"{name} has {pages} pages; {MOST_PAGES} can be read.", remedy="Attach a part.")
        texts = [page.extract_text() for page in reader.pages]
    except DependencyError as error:
        raise _refused(name, "the PDF is protected by a password") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # a damaged PDF makes its reader stumble in many ways
        raise _refused(name, f"the PDF cannot be read ({error})") from error
    text = "\n\n".join(_lines(part).strip() for part in texts)
    if not text.strip():
        raise _refused(name, "the PDF has no text, only pictures of pages")
    return ReadFile("application/pdf", text, pages)


def _media_type(name: str) -> str:
    ending = "." + name.rpartition(".")[2].lower() if "." in name else ""
    known = _MEDIA_TYPES.get(ending) or mimetypes.types_map.get(ending, "text/plain")
    return known if known.startswith(("text/", "application/")) else "text/plain"


def _refused(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{name} cannot be attached: {why}.",
        remedy="Attach text, Markdown, source code, CSV, JSON, or a PDF that has text.",
        file=name,
    )
