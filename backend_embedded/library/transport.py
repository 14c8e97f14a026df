"""Plain HTTP for large files: redirects, proxies and time limits, one connection for each request."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from email.message import Message
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import SplitResult, urljoin, urlsplit

from backend_embedded.contract.product import VERSION
from backend_embedded.errors import DownloadFailed
from backend_embedded.library.connection import Connection, Transient, in_words
from backend_embedded.library.proxy import PROXY_ASKS, headers_for, proxy_for, unknown_to_proxy

MOST_REDIRECTS = 8
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that another try may not meet."""
LONGEST_RETRY_AFTER_S = 600.0
_TUNNEL_REFUSED = f"Tunnel connection failed: {PROXY_ASKS}"
_PRIVATE = frozenset({"authorization", "cookie"})


class Transport:
    """Opens connections.

    Args:
        proxy: address of a proxy for all; empty: what the environment says.
        stall_s: longest wait for a connection or for the next bytes.
    """

    def __init__(self, proxy: str = "", stall_s: float = 30.0) -> None:
        self._proxy = proxy
        self._stall_s = stall_s
        self._tls: ssl.SSLContext | None = None

    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        follow: bool = True,
    ) -> Connection:
        """Ask and come back with the head of the answer; headers that are private stay with the first host.

        Raises:
            Transient: no connection, or a status that may pass.
            DownloadFailed: redirects without end or to nowhere.
        """
        sent = dict(headers or {})
        first = _origin(urlsplit(url))
        for _ in range(MOST_REDIRECTS + 1):
            connection = self._ask(url, method, sent)
            target = connection.headers.get("Location")
            if connection.status in PASSING:
                connection.close()
                raise Transient(_status_words(connection.status), _retry_after_s(connection.headers))
            if not follow or connection.status not in REDIRECTS or not target:
                return connection
            connection.close()
            url = _next(url, target)
            if _origin(urlsplit(url)) != first:
                sent = {name: value for name, value in sent.items() if name.lower() not in _PRIVATE}
        raise DownloadFailed(f"{url} redirects without end.", remedy="Try another address.", url=url)

    def _ask(self, url: str, method: str, headers: Mapping[str, str]) -> Connection:
        parts = urlsplit(url)
        client, target, extra = self._client(parts)
        common = {"User-Agent": f"sutazai/{VERSION}", "Accept": "*/*", "Accept-Encoding": "identity"}
        try:
            client.request(method, target, headers=common | extra | dict(headers))
            opened = client.sock
            answer = client.getresponse()
        except TimeoutError:
            client.close()
            raise Transient(f"{parts.hostname} did not answer in time") from None
        except ssl.SSLCertVerificationError as error:
            client.close()
            raise DownloadFailed(
                f"The certificate of {parts.hostname} is not valid: {error.verify_message}.",
                remedy="Check the clock of this machine and the proxy in the settings. An authority of your own is "
                "trusted when the environment variable SSL_CERT_FILE names its certificate.",
                url=url,
            ) from error
        except (OSError, http.client.HTTPException) as error:
            client.close()
            if str(error).startswith(_TUNNEL_REFUSED):
                raise unknown_to_proxy(url) from error
            raise Transient(f"{parts.hostname} cannot be reached ({in_words(error)})") from error
        if answer.status == PROXY_ASKS:
            answer.close()
            client.close()
            raise unknown_to_proxy(url)
        return Connection(url, answer.status, answer.headers, answer.length, answer, opened, client)

    def _client(self, parts: SplitResult) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        """A connection, the target of its request line, and headers for the proxy."""
        host, secure = parts.hostname or "", parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = proxy_for(parts, self._proxy)
        port = parts.port or (443 if secure else 80)
        if not proxy.hostname:
            if secure:
                return self._secure(host, port), path, {}
            return http.client.HTTPConnection(host, port, timeout=self._stall_s), path, {}
        extra = headers_for(proxy)
        if secure:
            tunnel = self._secure(proxy.hostname, proxy.port or 8080)
            tunnel.set_tunnel(host, port, extra)
            return tunnel, path, {}
        plain = http.client.HTTPConnection(proxy.hostname, proxy.port or 8080, timeout=self._stall_s)
        return plain, f"http://{parts.netloc}{path}", extra

    def _secure(self, host: str, port: int) -> http.client.HTTPSConnection:
        self._tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self._stall_s, context=self._tls)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _next(url: str, target: str) -> str:
    following = urljoin(url, target)
    scheme = urlsplit(following).scheme
    if scheme not in ("http", "https") or (scheme == "http" and urlsplit(url).scheme == "https"):
        raise DownloadFailed(
            f"{url} redirects to an address that is not safe: {following}.",
            remedy="Try another address.",
            url=url,
        )
    return following


def _status_words(status: int) -> str:
    if status == 429:
        return "the server asks to wait: too many requests (429)"
    return f"the server has a failure of its own ({status})"


def _retry_after_s(headers: Message) -> float | None:
    """The pause that `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3)."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time()), LONGEST_RETRY_AFTER_S)
    except ValueError:
        return None
