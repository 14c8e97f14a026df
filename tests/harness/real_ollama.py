"""A real Ollama server for a test: built once (see `packaging/ollama_server.py`), on a free port, gone after it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from server_process import end_with_parent, free_port, packaged

MODEL = "smol"
START_S = 30.0
BUSY_SHARE = 0.3
MODELFILE = """FROM {file}
PARAMETER stop <|im_end|>
PARAMETER stop <|im_start|>
TEMPLATE \"\"\"{{{{- range .Messages }}}}<|im_start|>{{{{ .Role }}}}
{{{{ .Content }}}}<|im_end|>
{{{{ end }}}}<|im_start|>assistant
\"\"\"
"""


def built() -> Path:
    """The server's program; skips the test with the reason where there is none."""
    program: Path = packaged("ollama_server").build_here().program
    if not program.exists():
        pytest.skip("no Ollama server: `make test-services` builds it")
    return program


@dataclass
class RealOllama:
    """A server that runs.

    Attributes:
        url: where it answers.
        home: its folder: keys, models, log.
    """

    program: Path
    home: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "OLLAMA_MODELS": str(self.home / "models"),
            "OLLAMA_NUM_PARALLEL": "1",
            "OLLAMA_KEEP_ALIVE": "-1",
        }

    async def start(self) -> None:
        """Run it, and wait until it answers."""
        with (self.home / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(self.program),
                "serve",
                cwd=self.home,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(signal.SIGTERM),
            )
        async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/api/version")).is_success:
                        return
                await asyncio.sleep(0.05)

    async def create(self, gguf: Path) -> None:
        """Make the model `smol` of a GGUF file, with the ChatML template."""
        modelfile = self.home / "Modelfile"
        modelfile.write_text(MODELFILE.format(file=gguf))
        process = await asyncio.create_subprocess_exec(
            str(self.program), "create", MODEL, "-f", str(modelfile),
            cwd=self.home, env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        _, error = await process.communicate()
        assert process.returncode == 0, error.decode()[-500:]

    def kill(self) -> None:
        """kill -9 the server and its runners, as the kernel does when memory is gone."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await self.process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
        self.process = None

    def _work_s(self) -> float:
        """CPU seconds of its runners so far."""
        assert self.process is not None
        used = 0.0
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                times = child.cpu_times()
                used += times.user + times.system
        return used

    async def runner_is_busy(self) -> bool:
        """Whether its runners compute."""
        before = self._work_s()
        await asyncio.sleep(0.3)
        return self._work_s() - before > 0.3 * BUSY_SHARE

    async def runner_falls_idle(self) -> bool:
        """Whether they stop to, within some seconds."""
        return not all([await self.runner_is_busy() for _ in range(8)])


@asynccontextmanager
async def real_ollama(home: Path, gguf: Path | None = None) -> AsyncIterator[RealOllama]:
    """A server with the model `smol`; nothing of it is left afterwards."""
    server = RealOllama(built(), home, free_port())
    try:
        await server.start()
        if gguf is not None:
            await server.create(gguf)
        yield server
    finally:
        await server.stop()
        shutil.rmtree(home, ignore_errors=True)
