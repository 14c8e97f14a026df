"""Plain HTTP for large files: redirects, proxies and time limits, one connection for each request.

Bytes are read straight into the caller's buffer: with an asynchronous client three times as much processor
time went into handing them on as into fetching, writing and hashing them. Every call blocks, so it is used
from threads that somebody owns; `Connection.cut` ends a call from another thread.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from io import BufferedReader
from time import monotonic, time
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from backend_embedded.contract.product import VERSION
from backend_embedded.errors import DownloadFailed

MOST_REDIRECTS = 8
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that another try may not meet."""
LONGEST_RETRY_AFTER_S = 600.0
LONGEST_FILL_S = 0.2
"""A slow connection hands on what came after so long, however large the buffer is."""
PROXY_ASKS = 407
_TUNNEL_REFUSED = f"Tunnel connection failed: {PROXY_ASKS}"
_PRIVATE = frozenset({"authorization", "cookie"})


class Transient(Exception):
    """A failure that another try may not meet.

    Attributes:
        message: what happened.
        retry_after_s: pause that the server asked for, or None.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(slots=True, eq=False)
class Connection:
    """One request and its answer.

    Attributes:
        url: address that answered, after redirects.
        length: bytes of the body; None when the server does not say.
    """

    url: str
    status: int
    headers: Message
    length: int | None
    _answer: http.client.HTTPResponse = field(repr=False)
    _socket: socket.socket | None = field(repr=False)
    _http: http.client.HTTPConnection = field(repr=False)
    _left: int | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._left = self.length

    @property
    def _body(self) -> BufferedReader:
        """The stream of an answer whose length is known: after the head come just those bytes."""
        stream: BufferedReader = self._answer.fp
        return stream

    def read_into(self, buffer: memoryview) -> int:
        """Fill a part of the buffer; 0 at the end of what came, be it whole or not.

        Raises:
            Transient: the connection broke, or nothing came for the stall time.
        """
        filled = 0
        try:
            if self._left is None:
                return self._answer.readinto(buffer)
            began_s = monotonic()
            buffer = buffer[: self._left]
            while filled < len(buffer) and monotonic() - began_s < LONGEST_FILL_S:
                count = self._body.readinto1(buffer[filled:])
                if not count:
                    break
                filled += count
            self._left -= filled
            return filled
        except TimeoutError:
            if filled and self._left is not None:
                self._left -= filled
                return filled  # if nothing more comes, the next call says so
            raise Transient("the server sent nothing any more") from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise Transient(f"the connection was cut ({_words(error)})") from error

    def read(self, most_bytes: int) -> bytes:
        """The whole body of a small answer.

        Raises:
            DownloadFailed: it has more than `most_bytes`.
            Transient: as `read_into`.
        """
        body = bytearray()
        chunk = memoryview(bytearray(65536))
        while count := self.read_into(chunk):
            body += chunk[:count]
            if len(body) > most_bytes:
                raise DownloadFailed(f"{self.url} answers with far more than expected.", url=self.url)
        return bytes(body)

    def cut(self) -> None:
        """End it, also while another thread reads."""
        if self._socket is not None:
            with suppress(OSError):  # it is over already
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the connection; by the thread that reads."""
        self._answer.close()
        self._http.close()


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
                raise _unknown_to_proxy(url) from error
            raise Transient(f"{parts.hostname} cannot be reached ({_words(error)})") from error
        if answer.status == PROXY_ASKS:
            answer.close()
            client.close()
            raise _unknown_to_proxy(url)
        return Connection(url, answer.status, answer.headers, answer.length, answer, opened, client)

    def _client(self, parts: SplitResult) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        """A connection, the target of its request line, and headers for the proxy."""
        host, secure = parts.hostname or "", parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = _proxy(self._proxy_of(parts))
        port = parts.port or (443 if secure else 80)
        if not proxy.hostname:
            if secure:
                return self._secure(host, port), path, {}
            return http.client.HTTPConnection(host, port, timeout=self._stall_s), path, {}
        extra = _proxy_headers(proxy)
        if secure:
            tunnel = self._secure(proxy.hostname, proxy.port or 8080)
            tunnel.set_tunnel(host, port, extra)
            return tunnel, path, {}
        plain = http.client.HTTPConnection(proxy.hostname, proxy.port or 8080, timeout=self._stall_s)
        return plain, f"http://{parts.netloc}{path}", extra

    def _secure(self, host: str, port: int) -> http.client.HTTPSConnection:
        self._tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self._stall_s, context=self._tls)

    def _proxy_of(self, parts: SplitResult) -> str:
        host = parts.hostname or ""
        if _is_loopback(host):
            return ""
        if self._proxy:
            return self._proxy
        if os.environ.get("no_proxy") == "*" or proxy_bypass(host):
            return ""
        known = getproxies()
        return known.get(parts.scheme) or known.get("all", "")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _proxy(address: str) -> SplitResult:
    """A proxy's address, as tools write it: also without a scheme. Raises DownloadFailed for other kinds."""
    parts = urlsplit(address if "://" in address or not address else f"http://{address}")
    if parts.scheme not in ("", "http"):
        raise DownloadFailed(
            f"A proxy of the kind {parts.scheme} cannot be used.",
            remedy="Name one of the kind http:// in the settings; it leads to https addresses too.",
        )
    return parts


def _unknown_to_proxy(url: str) -> DownloadFailed:
    return DownloadFailed(
        f"The proxy asks for a name and a password ({PROXY_ASKS}).",
        remedy="Write the proxy in the settings as http://NAME:PASSWORD@HOST:PORT.",
        url=url,
        status=PROXY_ASKS,
    )


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret).decode()}"}


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


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
