"""A forward proxy on a real socket, plain and with CONNECT, and a certificate of an authority of one's own."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

HOST = "models.example"
"""A name that nobody has (RFC 2606): only the proxy knows where it is."""


@dataclass
class LocalProxy:
    """Leads whatever is asked of `HOST` to one local port.

    Attributes:
        to_port: where `HOST` is.
        password: `NAME:WORD` that it asks for, or empty.
        asked: first lines of the requests, in order.
    """

    to_port: int
    password: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def end(self) -> None:
        for talk in tuple(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond: asyncio.StreamWriter | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, _, fields = head.partition("\r\n")
            self.asked.append(first)
            if self.password and self._secret() not in fields:
                writer.write(b"HTTP/1.1 407 Who is it\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            method, target, _ = first.split(" ")
            there, beyond = await asyncio.open_connection("127.0.0.1", self.to_port)
            if method == "CONNECT":
                assert target.partition(":")[0] == HOST
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                parts = urlsplit(target)
                assert parts.hostname == HOST
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                beyond.write(f"{method} {path} HTTP/1.1\r\n{fields}".encode("latin-1"))
            await asyncio.gather(_pour(reader, beyond), _pour(there, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in (writer, beyond):
                if one is not None:
                    one.transport.abort()

    def _secret(self) -> str:
        return f"Basic {base64.b64encode(self.password.encode()).decode()}"


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Hand on until the end, and hand on the end."""
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


@asynccontextmanager
async def local_proxy(to_port: int, password: str = "") -> AsyncIterator[LocalProxy]:
    """A proxy that lives as long as the block."""
    proxy = LocalProxy(to_port, password)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()


def own_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for `HOST` and this machine, and the certificate of who vouches for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    certificate, key = folder / "authority.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=An authority of one's own", "-keyout", str(key), "-out", str(certificate),
         "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1"],
        check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
