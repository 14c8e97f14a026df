"""From what a person writes to the file that is to be fetched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from backend_embedded.errors import DownloadFailed, InvalidInput
from backend_embedded.library.connection import Transient
from backend_embedded.library.hugging_face import HuggingFace
from backend_embedded.library.offer import Offer, Offers, Piece, file_name, quantization_of, refused
from backend_embedded.library.ollama_registry import OllamaRegistry
from backend_embedded.library.reference import (
    OLLAMA_HOST,
    FileReference,
    HuggingFaceReference,
    OllamaReference,
    Reference,
    parse_reference,
)
from backend_embedded.library.transport import Transport
from backend_embedded.llm.files.parts import part_names
from backend_embedded.resilience.retry import HTTP_SERVICES, RetryObserver, Unobserved

SUFFIX = ".gguf"
LONGEST_PAUSE_S = 5.0
"""Whoever asks is waiting: a server that names a longer one is told instead."""
REGISTRY = "registry"
"""What metrics call a look-up that failed for now."""
USUAL = "Q4_K_M"
"""The quantization that a repository's name alone stands for."""


class Resolver:
    """Asks the registries; every call blocks.

    Args:
        transport: makes the connections, with the settings as they are now.
        ollama_url, hugging_face_url: addresses of the registries.
        pause_s: pause after so many failures.
        observer: told of each further try.
    """

    def __init__(
        self,
        transport: Callable[[], Transport],
        ollama_url: str = f"https://{OLLAMA_HOST}",
        hugging_face_url: str = "https://huggingface.co",
        pause_s: Callable[[int], float] = HTTP_SERVICES.pause_s,
        observer: RetryObserver | None = None,
    ) -> None:
        self._transport = transport
        self._ollama_url = ollama_url
        self._hugging_face_url = hugging_face_url
        self._pause_s = pause_s
        self._observer = observer or Unobserved()

    def offers(self, text: str) -> Offers:
        """All files that a name means.

        Raises:
            InvalidInput: the name means nothing.
            NotFound, DownloadFailed: there is no such model, or the registry cannot be asked.
        """
        reference = parse_reference(text)
        for failures in range(1, HTTP_SERVICES.attempts + 1):
            try:
                return self._ask(reference)
            except Transient as error:
                pause_s = self._pause_s(failures) if error.retry_after_s is None else error.retry_after_s
                if failures == HTTP_SERVICES.attempts or pause_s > LONGEST_PAUSE_S:
                    self._observer.gave_up(HTTP_SERVICES.name, REGISTRY)
                    raise DownloadFailed(
                        f"{reference} could not be looked up: {error.message}.",
                        remedy="Check the network and the proxy in the settings, then try again.",
                    ) from error
                self._observer.retried(HTTP_SERVICES.name, REGISTRY)
                time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def offer(self, text: str) -> Offer:
        """The one file that a name means; of a repository with several the usual quantization, as Ollama has it.

        Raises:
            InvalidInput: it means several; names them.
        """
        files = self.offers(text).files
        if len(files) == 1:
            return files[0]
        usual = [file for file in files if file.quantization.upper() == USUAL]
        if len(usual) == 1 and usual[0].reference.startswith("hf.co/"):
            return usual[0]
        names = [file.reference for file in files]
        raise InvalidInput(
            f"{text} has {len(files)} files: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}.",
            remedy="Name one of them.",
            files=names,
        )

    def _ask(self, reference: Reference) -> Offers:
        match reference:
            case OllamaReference():
                return OllamaRegistry(self._transport(), self._ollama_url).offers(reference)
            case HuggingFaceReference():
                return HuggingFace(self._transport(), self._hugging_face_url).offers(reference)
            case FileReference():
                return self._file(reference)

    def _file(self, reference: FileReference) -> Offers:
        """A file of any server, with the others of its model if it is a part; sizes where the server tells them."""
        stem = reference.file[: -len(SUFFIX)]
        parts = part_names(stem)
        name = file_name(parts[0])
        urls = [_address_of(reference.url, number, len(parts)) for number in range(1, len(parts) + 1)]
        sizes = [self._size(url) for url in urls]
        pieces = tuple(
            Piece(file_name(part), url, size) for part, url, size in zip(parts, urls, sizes, strict=True)
        )
        offer = Offer(
            reference=urls[0],
            name=name,
            url=urls[0],
            size_bytes=sum(sizes),
            quantization=quantization_of(reference.file),
            pieces=pieces if len(pieces) > 1 else (),
        )
        return Offers(reference.url, reference.file, "", (offer,))

    def _size(self, url: str) -> int:
        """Bytes of a file; 0 when the server does not tell."""
        answer = self._transport().open(url, method="HEAD")
        answer.close()
        if answer.status not in (200, 405, 501):
            raise refused(answer.status, f"file at {url}", url)
        size = answer.headers.get("Content-Length") or ""
        return int(size) if answer.status == 200 and size.isdigit() else 0


def _address_of(url: str, number: int, count: int) -> str:
    """Where one part of a model is, of the address of any of them; a model in one file is where it is."""
    if count == 1:
        return url
    path, mark, query = url.partition("?")
    return re.sub(r"-\d{5}(-of-\d{5}\.gguf)$", rf"-{number:05d}\1", path, flags=re.IGNORECASE) + mark + query
