"""What a registry offers for a name: files with their address, size and hash."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from backend_embedded.contract.library import Remote, RemoteFile
from backend_embedded.errors import ControlCenterError, DownloadFailed, NotFound
from backend_embedded.library.connection import Connection

LARGEST_ANSWER_BYTES = 8 * 1024 * 1024
_QUANTIZATION = re.compile(
    r"(?:^|[-._])((?:IQ|TQ|Q)\d(?:_[A-Z0-9]+)*|BF16|F16|F32|MXFP4)(?=$|[-._])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a model in several; `name` is the file's before `.gguf`."""

    name: str
    url: str
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that can be fetched: a file, or several that belong together.

    Attributes:
        reference: name that means this file and no other.
        name: name that the model will have, and its file before `.gguf`.
        url: where it is.
        token: goes as `Authorization: Bearer`, to the host of `url` only.
        beside: what the registry has beside the file: `template`, `system`, `params`, `license`.
        pieces: all its files in order if it has several; `size_bytes` is that of all, `sha256` empty.
    """

    reference: str
    name: str
    url: str
    size_bytes: int = 0
    sha256: str = ""
    quantization: str = ""
    token: str = field(default="", repr=False)
    beside: dict[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Offers:
    """All files of a name."""

    reference: str
    title: str
    license: str
    files: tuple[Offer, ...]

    def wire(self) -> Remote:
        """As the API tells it."""
        return Remote(
            reference=self.reference,
            title=self.title,
            license=self.license,
            files=tuple(
                RemoteFile(
                    reference=file.reference,
                    name=file.name,
                    size_bytes=file.size_bytes,
                    sha256=file.sha256,
                    quantization=file.quantization,
                )
                for file in self.files
            ),
        )


class Registry(Protocol):
    """A server of models; every call blocks."""

    def offers(self, text: str) -> Offers:
        """What there is for a name."""
        ...


def quantization_of(file: str) -> str:
    """The quantization that a file's name tells; empty if none."""
    found = _QUANTIZATION.findall(file.removesuffix(".gguf"))
    return found[-1].upper() if found else ""


def file_name(text: str) -> str:
    """A name that a file may have on any disk."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "model"


def json_of(connection: Connection, what: str) -> Any:
    """The JSON of an answer that went well.

    Raises:
        NotFound: 404, or 401 where that is what is answered for what does not exist.
        DownloadFailed: another refusal, or no JSON.
    """
    try:
        if connection.status != 200:
            raise refused(connection.status, what, connection.url)
        try:
            return json.loads(connection.read(LARGEST_ANSWER_BYTES))
        except ValueError:
            raise DownloadFailed(
                f"The registry's answer about {what} cannot be read.", remedy="Try again later."
            ) from None
    finally:
        connection.close()


def refused(status: int, what: str, url: str) -> ControlCenterError:
    """The error for a status that another try would meet again."""
    if status == 404:
        return NotFound(
            f"There is no {what}.", remedy="Check the name; a tag or a file name may be missing.", url=url
        )
    if status in (401, 403):
        return DownloadFailed(
            f"The server refuses {what} ({status}): it does not exist there, or it asks for an account.",
            remedy="Check the name. A model behind an account is fetched with a browser and then imported.",
            url=url,
            status=status,
        )
    return DownloadFailed(
        f"The server refuses {what} ({status}).", remedy="Try again later.", url=url, status=status
    )
