"""Hugging Face: GGUF files of a repository, their sizes and sha256.

A HEAD request that follows no redirect tells of one file: `X-Linked-Etag` (sha256 of a large file),
`X-Linked-Size`, `X-Repo-Commit`; `/api/models/OWNER/NAME/tree/REVISION` lists all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from backend_embedded.errors import NotFound
from backend_embedded.library.offer import Offer, Offers, Piece, file_name, json_of, quantization_of, refused
from backend_embedded.library.reference import HuggingFaceReference
from backend_embedded.library.transport import REDIRECTS, Transport
from backend_embedded.llm.files.library import spdx
from backend_embedded.llm.files.parts import part_names

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = ".gguf"


class HuggingFace:
    """Finds GGUF files of Hugging Face.

    Args:
        base_url: another address than its own, for tests and mirrors.
    """

    def __init__(self, transport: Transport, base_url: str = "https://huggingface.co") -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")

    def offers(self, reference: HuggingFaceReference) -> Offers:
        """The file that is named, or all models of the repository, each whole or in parts; blocking.

        Raises:
            NotFound, DownloadFailed: no such repository or file, or no GGUF file in it.
            Transient: another try may go better.
        """
        licence = self._licence(reference)
        whole = reference.file and len(_parts(reference.file)) == 1
        files = (self._file(reference),) if whole else self._listed(reference)
        title = f"{reference.owner}/{reference.repository}"
        return Offers(str(reference), title, licence, files)

    def _file(self, reference: HuggingFaceReference) -> Offer:
        url = self._resolve(reference, reference.file, reference.revision)
        answer = self._transport.open(url, method="HEAD", follow=False)
        answer.close()
        if answer.status != 200 and answer.status not in REDIRECTS:
            raise refused(answer.status, f"file {reference} on Hugging Face", url)
        etag = (answer.headers.get("X-Linked-Etag") or answer.headers.get("ETag") or "").strip('W/"')
        size = answer.headers.get("X-Linked-Size") or answer.headers.get("Content-Length") or "0"
        commit = answer.headers.get("X-Repo-Commit") or reference.revision
        return self._offer(
            reference,
            reference.file,
            commit,
            int(size) if size.isdigit() else 0,
            etag if _SHA256.fullmatch(etag) else "",
        )

    def _listed(self, reference: HuggingFaceReference) -> tuple[Offer, ...]:
        where = f"{quote(reference.owner)}/{quote(reference.repository)}"
        url = f"{self._base_url}/api/models/{where}/tree/{quote(reference.revision, safe='')}?recursive=true"
        listed = json_of(self._transport.open(url), f"repository {reference} on Hugging Face")
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        rows = [row for row in rows if _is_model(str(row.get("path", "")))]
        files = _joined({str(row["path"]): self._of_row(reference, row) for row in rows})
        if reference.file:
            return (self._of_parts(reference, files),)
        if not files:
            raise NotFound(
                f"{reference} has no GGUF file.",
                remedy="Look for a repository whose name ends in GGUF.",
            )
        wanted = reference.quantization.lower()
        chosen = [file for file in files if not wanted or file.quantization.lower() == wanted]
        if not chosen:
            there = ", ".join(sorted({file.quantization for file in files if file.quantization}))
            raise NotFound(
                f"{reference.owner}/{reference.repository} has no file of the quantization "
                f"{reference.quantization}.",
                remedy=f"Choose one of {there}." if there else "Name one of its files.",
            )
        return tuple(sorted(chosen, key=lambda file: file.size_bytes))

    def _of_parts(self, reference: HuggingFaceReference, files: tuple[Offer, ...]) -> Offer:
        """The model that the named part belongs to."""
        first = str(replace(reference, file=_parts(reference.file)[0]))
        for file in files:
            if file.reference == first:
                return file
        raise NotFound(
            f"{reference} is one of several parts of a model, and they are not all there.",
            remedy="Choose another file of the repository.",
        )

    def _of_row(self, reference: HuggingFaceReference, row: dict[str, Any]) -> Offer:
        large = row.get("lfs")
        large = large if isinstance(large, dict) else {}
        size = large.get("size") or row.get("size") or 0
        sha256 = str(large.get("oid", "")).removeprefix("sha256:")
        return self._offer(
            reference,
            str(row["path"]),
            reference.revision,
            size if isinstance(size, int) else 0,
            sha256 if _SHA256.fullmatch(sha256) else "",
        )

    def _offer(
        self, reference: HuggingFaceReference, file: str, revision: str, size_bytes: int, sha256: str
    ) -> Offer:
        exact = HuggingFaceReference(reference.owner, reference.repository, file, reference.revision)
        return Offer(
            reference=str(exact),
            name=file_name(file.rsplit("/", 1)[-1][: -len(".gguf")]),
            url=self._resolve(reference, file, revision),
            size_bytes=size_bytes,
            sha256=sha256,
            quantization=quantization_of(file),
        )

    def _resolve(self, reference: HuggingFaceReference, file: str, revision: str) -> str:
        where = f"{quote(reference.owner)}/{quote(reference.repository)}"
        return f"{self._base_url}/{where}/resolve/{quote(revision, safe='')}/{quote(file)}"

    def _licence(self, reference: HuggingFaceReference) -> str:
        """The repository's licence; empty when it tells none."""
        where = f"{quote(reference.owner)}/{quote(reference.repository)}"
        facts = json_of(
            self._transport.open(f"{self._base_url}/api/models/{where}"),
            f"repository {reference.owner}/{reference.repository} on Hugging Face",
        )
        if not isinstance(facts, dict):
            return ""
        card = facts.get("cardData")
        told = card.get("license") if isinstance(card, dict) else None
        tags = [str(tag) for tag in facts.get("tags", ()) if str(tag).startswith("license:")]
        return spdx(str(told or (tags[0].removeprefix("license:") if tags else "")))


def _is_model(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].lower()
    return name.endswith(_SUFFIX) and "mmproj" not in name


def _parts(path: str) -> tuple[str, ...]:
    """The paths of all files of the model that this one belongs to."""
    folder, slash, name = path.rpartition("/")
    stem, suffix = name[: -len(_SUFFIX)], name[-len(_SUFFIX) :]
    return tuple(f"{folder}{slash}{part}{suffix}" for part in part_names(stem))


def _joined(files: dict[str, Offer]) -> tuple[Offer, ...]:
    """Those of a model in several parts as one; left out where a part is missing."""
    models = []
    for path, offer in files.items():
        paths = _parts(path)
        if len(paths) == 1:
            models.append(offer)
        elif path == paths[0] and all(part in files for part in paths):
            pieces = tuple(
                Piece(one.name, one.url, one.size_bytes, one.sha256) for one in map(files.__getitem__, paths)
            )
            size_bytes = sum(piece.size_bytes for piece in pieces)
            models.append(replace(offer, size_bytes=size_bytes, sha256="", pieces=pieces))
    return tuple(models)
