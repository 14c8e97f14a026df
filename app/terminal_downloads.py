"""`sutazai models pull` and `import`: begins a download, shows how far it is, and pauses it on Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from app.exits import FAILURE, complain
from backend_embedded.contract.library import Download, DownloadState, ImportRequest, PullRequest
from ui.client.port import Backend, ClientError

LOOK_S = 0.25
BAR_WIDTH = 24
ENDED = frozenset({DownloadState.DONE, DownloadState.FAILED, DownloadState.PAUSED})


async def pull(client: Backend, options: argparse.Namespace) -> int:
    """Fetch a model; returns the exit status. Raises ClientError."""
    begun = await client.pull(PullRequest(reference=options.reference, name=options.new_name))
    try:
        ended = await _followed(client, begun)
    except asyncio.CancelledError:
        await asyncio.shield(_pause(client, begun, f"sutazai models pull {options.reference}"))
        raise
    return await _tell(client, ended, options.json)


async def bring(client: Backend, options: argparse.Namespace) -> int:
    """Bring a file of this machine into the models folder; returns the exit status. Raises ClientError."""
    path = _absolute(options.path)
    begun = await client.import_model(ImportRequest(path=path, move=options.move, name=options.new_name))
    try:
        ended = await _followed(client, begun)
    except asyncio.CancelledError:
        with contextlib.suppress(ClientError):
            await asyncio.shield(client.cancel_download(begun.id))
        raise
    return await _tell(client, ended, options.json)


def _absolute(path: str) -> str:
    """The backend may stand in another folder."""
    return str(Path.cwd() / path)


async def _followed(client: Backend, begun: Download) -> Download:
    """Show how far it is until it has ended."""
    download = begun
    while download.state not in ENDED:
        _show(progress_line(download))
        await asyncio.sleep(LOOK_S)
        listed = {one.id: one for one in await client.downloads()}
        if begun.id not in listed:
            return download.model_copy(
                update={"state": DownloadState.FAILED, "message": "The download was cancelled."}
            )
        download = listed[begun.id]
    _show("")
    return download


async def _pause(client: Backend, begun: Download, again: str) -> None:
    """Stop it, keep what came, and say how to go on."""
    _show("")
    done = ""
    with contextlib.suppress(ClientError):  # a backend that ends too keeps it as well
        paused = await client.pause_download(begun.id)
        done = f" at {paused.done_bytes / 1e6:.0f} of {paused.size_bytes / 1e6:.0f} MB"
    complain(f"Paused{done}. Go on with: {again}")


async def _tell(client: Backend, ended: Download, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(ended.model_dump_json(indent=2) + "\n")
    if ended.state is not DownloadState.DONE:
        complain(f"{ended.message or 'It was paused.'} {ended.remedy}")
        return FAILURE
    with contextlib.suppress(ClientError):
        await client.cancel_download(ended.id)  # it is seen: off the list
    if not as_json:
        sys.stdout.write(f"{ended.name} is here: {ended.size_bytes / 1e6:.0f} MB.\n")
    return 0


def progress_line(download: Download) -> str:
    """One line: how much, how fast, how long still."""
    if download.state is DownloadState.VERIFYING:
        return f"{download.name}: checking …"
    done, size = download.done_bytes, download.size_bytes
    filled = BAR_WIDTH * done // size if size else 0
    parts = [f"{download.name} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}]"]
    parts.append(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB" if size else f"{done / 1e6:.0f} MB")
    if download.bytes_per_s:
        parts.append(f"{download.bytes_per_s / 1e6:.1f} MB/s")
    if download.remaining_s is not None:
        minutes, seconds = divmod(round(download.remaining_s), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    if download.message:
        parts.append(download.message)
    return "  ".join(parts)


def _show(line: str) -> None:
    """A line on the terminal that the next one takes the place of; nothing when stderr is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()
