"""Downloads through proxies and TLS: real sockets, a proxy and an authority of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from local_proxy import HOST, local_proxy, own_certificate
from unruly_server import model_bytes, unruly

from backend_embedded.errors import DownloadFailed
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.transport import Transport

DATA = model_bytes(20_000)
FILE = "/files/small.gguf"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def fetched(url: str, proxy: str = "") -> bytes:
    def fetch() -> bytes:
        connection = Transport(proxy, stall_s=5).open(url)
        try:
            assert connection.status == 200
            return connection.read(1_000_000)
        finally:
            connection.close()

    return await asyncio.to_thread(fetch)


@pytest.mark.leaves("threads")
async def test_a_plain_proxy_of_the_settings_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with unruly() as server:
        server.files[FILE] = DATA
        async with local_proxy(server.port) as proxy:
            assert await fetched(f"http://{HOST}{FILE}", proxy.url) == DATA
            assert proxy.asked == [f"GET http://{HOST}{FILE} HTTP/1.1"]
            assert server.requests[-1].headers["host"] == HOST
            monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")  # as curl takes it: without a scheme
            assert await fetched(f"http://{HOST}{FILE}") == DATA
            monkeypatch.delenv("http_proxy")
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            assert await fetched(f"http://{HOST}{FILE}") == DATA
            assert len(proxy.asked) == 3
            assert (
                await fetched(f"{server.url}{FILE}", proxy.url) == DATA
            )  # this machine is never asked of it
            assert len(proxy.asked) == 3


@pytest.mark.leaves("threads")
async def test_a_proxy_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, authority = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with unruly() as plain, unruly(tls=context) as secure:
        for server, scheme in ((plain, "http"), (secure, "https")):
            server.files[FILE] = DATA
            async with local_proxy(server.port, "me:a word") as proxy:
                known = f"http://me:a%20word@127.0.0.1:{proxy.port}"
                assert await fetched(f"{scheme}://{HOST}{FILE}", known) == DATA
                with pytest.raises(DownloadFailed, match="asks for a name and a password") as caught:
                    await fetched(f"{scheme}://{HOST}{FILE}", proxy.url)
                assert "NAME:PASSWORD" in (caught.value.remedy or "")
        assert "proxy-authorization" not in secure.requests[-1].headers  # what is inside the tunnel


@pytest.mark.leaves("threads")
async def test_tls_of_an_authority_that_nobody_knows_is_refused_and_of_a_known_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = own_certificate(tmp_path)
    with unruly(tls=context) as server:
        server.files[FILE] = DATA
        async with local_proxy(server.port) as proxy:
            for url, road in ((f"{server.url}{FILE}", ""), (f"https://{HOST}{FILE}", proxy.url)):
                with pytest.raises(DownloadFailed, match=r"certificate of .* is not valid") as caught:
                    await fetched(url, road)
                assert "SSL_CERT_FILE" in (caught.value.remedy or "")
            assert server.requests == []
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
            assert await fetched(f"{server.url}{FILE}") == DATA
            assert await fetched(f"https://{HOST}{FILE}", proxy.url) == DATA
            assert proxy.asked[-1].startswith(f"CONNECT {HOST}:443 ")
            resolver = Resolver(lambda: Transport(proxy.url), pause_s=lambda failures: 0.01)
            offer = await asyncio.to_thread(resolver.offer, f"https://{HOST}{FILE}")
            assert offer.size_bytes == len(DATA)


def test_a_proxy_of_another_kind_is_told() -> None:
    with pytest.raises(DownloadFailed, match="kind socks5"):
        Transport("socks5://127.0.0.1:1080").open(f"http://{HOST}{FILE}")
