"""A download in the lines of Ollama's pull."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from backend_embedded.api.doors.failures import text_of
from backend_embedded.api.doors.names import among
from backend_embedded.contract.library import Download, DownloadState, RemoteFile
from backend_embedded.errors import Conflict, ControlCenterError
from backend_embedded.library.service import Library
from backend_embedded.llm.port import LanguageModel

LOOK_S = 0.06
SHORT_DIGEST = 12
ENDED = frozenset({DownloadState.DONE, DownloadState.FAILED, DownloadState.PAUSED})


async def pull_lines(
    library: Library, models: LanguageModel, reference: str
) -> AsyncGenerator[dict[str, Any], None]:
    """Fetch a model and tell how it goes; closing the generator stops it, and what came stays.

    A failure is a last line with `error`, as Ollama has it, whose status is 200 by then.
    """
    yield {"status": "pulling manifest"}
    file = RemoteFile(reference=reference, name=reference, size_bytes=0)
    try:
        file = await _file(library, reference)
        download = await library.downloads.pull(file.reference)
    except ControlCenterError as error:
        if isinstance(error, Conflict) and among(await models.models(), file.name) is not None:
            yield {"status": "success"}  # it is here already
            return
        yield {"error": f"pull model manifest: {text_of(error)}"}
        return
    try:
        async for step in _followed(library, download, file):
            yield step
    finally:
        if _now(library, download).state in (DownloadState.QUEUED, DownloadState.RUNNING):
            await library.downloads.pause(download.id)


async def _file(library: Library, reference: str) -> RemoteFile:
    """What is to be fetched; of several the one that the name means by itself."""
    remote = await library.remote(reference)
    if len(remote.files) == 1:
        return remote.files[0]
    return RemoteFile(reference=reference, name=remote.title, size_bytes=0)


async def _followed(
    library: Library, download: Download, file: RemoteFile
) -> AsyncGenerator[dict[str, Any], None]:
    last: dict[str, Any] | None = None
    verifying = False
    while True:
        download = _now(library, download)
        if download.state is DownloadState.VERIFYING and not verifying:
            verifying = True
            yield _progress(download.model_copy(update={"done_bytes": download.size_bytes}), file)
            yield {"status": "verifying sha256 digest"}
        if download.state in ENDED:
            break
        step = _progress(download, file)
        if not verifying and step != last:
            last = step
            yield step
        await asyncio.sleep(LOOK_S)
    if download.state is not DownloadState.DONE:
        yield {"error": f"{download.message or 'the download was stopped'} {download.remedy}".strip()}
        return
    whole = _progress(download.model_copy(update={"done_bytes": download.size_bytes}), file)
    if not verifying:
        yield whole
        yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    yield {"status": "success"}


def _progress(download: Download, file: RemoteFile) -> dict[str, Any]:
    step: dict[str, Any] = {"status": f"pulling {file.sha256[:SHORT_DIGEST] or download.name}"}
    if file.sha256:
        step["digest"] = f"sha256:{file.sha256}"
    step |= {"total": download.size_bytes} if download.size_bytes else {}
    return step | ({"completed": download.done_bytes} if download.done_bytes else {})


def _now(library: Library, download: Download) -> Download:
    """The download as it is now; one that was taken off the list was stopped."""
    for one in library.downloads.list():
        if one.id == download.id:
            return one
    return download.model_copy(update={"state": DownloadState.PAUSED})
