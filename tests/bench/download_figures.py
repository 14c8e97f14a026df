"""The figure of downloads: a model from a server of this machine, against curl to the same disk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Measure, middle

from backend_embedded.contract.library import DownloadState
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.transport import Transport

SIZE_BYTES = 512 * 1024 * 1024
ROUNDS = 3
TARGET = 0.8
SERVER = Path(__file__).with_name("download_server.py")


async def download() -> list[Measure]:
    """MB/s of a download, sha256 and sync to the disk included, by those of curl followed by a sync."""
    curl = shutil.which("curl")
    if curl is None:
        raise RuntimeError("curl is not installed")
    with TemporaryDirectory(prefix="sutazai-bench-") as name:
        folder = Path(name)
        model, digest = await asyncio.to_thread(_make_model, folder / "source.gguf")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SERVER), str(model), digest, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            url = json.loads(await process.stdout.readline())["url"]
            theirs, ours = [], []
            for number in range(ROUNDS):
                theirs.append(await asyncio.to_thread(_curl, curl, f"{url}/v2/library/bench/blobs/x", folder))
                ours.append(await _fetch(url, folder / str(number)))
        finally:
            process.kill()
            await process.wait()
    ratio = middle([mine / other for mine, other in zip(ours, theirs, strict=True)])
    baseline = f"curl + sync {middle(theirs):.0f} MB/s, here {middle(ours):.0f} MB/s with sha256"
    return [Measure("download", ratio, "×", TARGET, at_least=True, baseline=baseline)]


def _make_model(file: Path) -> tuple[Path, str]:
    """A GGUF of random numbers: the disk cannot make it smaller."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "harness"))
    from unruly_server import model_bytes

    head = model_bytes(64)[:-64]
    # the header's one tensor is given its true size: the second last 20 bytes hold count, type and offset
    count = (SIZE_BYTES // 4).to_bytes(8, "little")
    at = head.rindex((16).to_bytes(8, "little"))
    head = head[:at] + count + head[at + 8 :]
    digest = hashlib.sha256(head)
    with file.open("wb") as output:
        output.write(head)
        for _ in range(SIZE_BYTES // 2**20):
            block = os.urandom(2**20)
            digest.update(block)
            output.write(block)
    return file, digest.hexdigest()


def _curl(curl: str, url: str, folder: Path) -> float:
    target = folder / "curl.bin"
    began_s = time.perf_counter()
    subprocess.run([curl, "-sS", "--noproxy", "*", "-o", str(target), url], check=True)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    took_s = time.perf_counter() - began_s
    target.unlink()
    return SIZE_BYTES / 1e6 / took_s


async def _fetch(url: str, folder: Path) -> float:
    done = asyncio.Event()

    async def arrived() -> None:
        done.set()

    resolver = Resolver(Transport, url, url)
    async with Downloads(lambda: folder, resolver, Transport, lambda _: None, arrived) as downloads:
        began_s = time.perf_counter()
        await downloads.pull("bench")
        while not done.is_set():
            (state,) = downloads.list()
            if state.state is DownloadState.FAILED:
                raise RuntimeError(state.message)
            await asyncio.wait([asyncio.ensure_future(done.wait())], timeout=0.5)
        took_s = time.perf_counter() - began_s
    shutil.rmtree(folder)
    return SIZE_BYTES / 1e6 / took_s
