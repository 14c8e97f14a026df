"""The proxy on the way to a server: as set, else as the environment says."""

from __future__ import annotations

import base64
import os
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from backend_embedded.errors import DownloadFailed

PROXY_ASKS = 407


def proxy_for(parts: SplitResult, chosen: str) -> SplitResult:
    """The proxy on the way to an address, its host name empty: none; `chosen` is that of the settings.

    Raises:
        DownloadFailed: it is of a kind that cannot be used.
    """
    return _parsed(_address(parts, chosen))


def _address(parts: SplitResult, chosen: str) -> str:
    host = parts.hostname or ""
    if _is_loopback(host):
        return ""
    if chosen:
        return chosen
    if os.environ.get("no_proxy") == "*" or proxy_bypass(host):
        return ""
    known = getproxies()
    return known.get(parts.scheme) or known.get("all", "")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _parsed(address: str) -> SplitResult:
    """A proxy's address, as tools write it: also without a scheme. Raises DownloadFailed for other kinds."""
    parts = urlsplit(address if "://" in address or not address else f"http://{address}")
    if parts.scheme not in ("", "http"):
        raise DownloadFailed(
            f"A proxy of the kind {parts.scheme} cannot be used.",
            remedy="Name one of the kind http:// in the settings; it leads to https addresses too.",
        )
    return parts


def unknown_to_proxy(url: str) -> DownloadFailed:
    """The error for a proxy that wants to know who asks."""
    return DownloadFailed(
        f"The proxy asks for a name and a password ({PROXY_ASKS}).",
        remedy="Write the proxy in the settings as http://NAME:PASSWORD@HOST:PORT.",
        url=url,
        status=PROXY_ASKS,
    )


def headers_for(proxy: SplitResult) -> dict[str, str]:
    """What the proxy is told of who asks."""
    if proxy.username is None:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret).decode()}"}
