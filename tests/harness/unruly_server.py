"""A file server that does what bad servers do: drops, lies, stalls, refuses. Real sockets, no framework."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SMALL_BYTES = 1000
"""Bodies below that are sent well."""


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def model_bytes(size: int = 300_000, name: str = "Small") -> bytes:
    """A whole GGUF of about that size: one tensor of numbers that are all different."""
    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("general.name") + struct.pack("<I", 8) + text(name),
        text("tokenizer.chat_template") + struct.pack("<I", 8) + text("{% if tools %}{% endif %}"),
        text("llama.context_length") + struct.pack("<II", 4, 2048),
        text("llama.block_count") + struct.pack("<II", 4, 2),
        text("llama.embedding_length") + struct.pack("<II", 4, 64),
        text("llama.attention.head_count") + struct.pack("<II", 4, 4),
    ]
    count = size // 4
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries)) + b"".join(entries)
    head += text("weight") + struct.pack("<IQIQ", 1, count, 0, 0)
    head += bytes(-len(head) % 32)
    return head + b"".join(struct.pack("<I", number) for number in range(count))


@dataclass
class Manners:
    """How the server behaves; `times` counts down where something happens a number of times.

    Attributes:
        drop_after: bytes after which the connection is cut, while `drops` last.
        stall_after: bytes after which nothing comes any more, while `stalls` last.
        statuses: answered, one after another, before anything else.
        corrupt_at: byte of the file that is wrong.
        told_size: size that the server tells instead of the true one.
        token_uses: parts of a file that a token is good for; 0: all.
        redirect: address that the file is redirected to.
        hold: the body waits for this after its first half.
        holds_only: end of the path of the file that is held; empty: every file is.
    """

    ranges: bool = True
    drop_after: int = 0
    drops: int = 0
    stall_after: int = 0
    stalls: int = 0
    statuses: list[int] = field(default_factory=list)
    retry_after: str = ""
    corrupt_at: int | None = None
    told_size: int | None = None
    token: str = ""
    token_uses: int = 0
    redirect: str = ""
    hold: threading.Event | None = None
    holds_only: str = ""
    chunk: int = 65536


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


class UnrulyServer:
    """Serves `files` by their path; `json_answers` by theirs.

    Attributes:
        requests: what was asked, in order.
        halfway: set when a body that is held has come to the half.
    """

    def __init__(self, manners: Manners | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.manners = manners or Manners()
        self.files: dict[str, bytes] = {}
        self.json_answers: dict[str, object] = {}
        self.heads: dict[str, dict[str, str]] = {}
        self.requests: list[Request] = []
        self.halfway = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._uses = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=32)
        self._threads = [threading.Thread(target=self._accept)]
        self._open: set[socket.socket] = set()
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def ollama_model(
        self, name: str, data: bytes, template: str = "{{ .Prompt }}", tag: str = "latest", **beside: str
    ) -> str:
        """Serve a model as the Ollama registry does, with what is `beside` it; returns its sha256."""
        digest = hashlib.sha256(data).hexdigest()
        base = f"/v2/library/{name}"
        kind = "application/vnd.ollama.image."
        self.files[f"{base}/blobs/sha256:{digest}"] = data
        layers = [{"mediaType": f"{kind}model", "digest": f"sha256:{digest}", "size": len(data)}]
        for layer, text_beside in ({"template": template} | beside).items():
            body = text_beside.encode()
            other = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.files[f"{base}/blobs/{other}"] = body
            layers.append({"mediaType": f"{kind}{layer}", "digest": other, "size": len(body)})
        self.json_answers[f"{base}/manifests/{tag}"] = {"schemaVersion": 2, "layers": layers}
        return digest

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._spoken_to(connection) as connection:
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(65536)
                if not received:
                    return
                head += received
            first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
            method, path, _ = first.split(" ")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            request = Request(method, path, headers)
            with self._lock:
                self.requests.append(request)
            self._answer(connection, request)

    def _spoken_to(self, connection: socket.socket) -> socket.socket:
        """The connection, after the handshake where there is one."""
        if self._tls is None:
            return connection
        self._open.discard(connection)
        connection.settimeout(10)
        secure = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(secure)
        try:
            secure.do_handshake()
        except OSError:
            secure.close()
            raise
        return secure

    def _answer(self, connection: socket.socket, request: Request) -> None:
        manners, path = self.manners, request.path.partition("?")[0]
        with self._lock:
            status = manners.statuses.pop(0) if manners.statuses else 0
        if status:
            extra = {"Retry-After": manners.retry_after} if manners.retry_after else {}
            _send(connection, status, b"no", extra)
        elif path == "/token":
            _send(connection, 200, json.dumps({"token": manners.token}).encode())
        elif manners.token and request.headers.get("authorization") != f"Bearer {manners.token}":
            challenge = f'Bearer realm="{self.url}/token",service="registry",scope="pull"'
            _send(connection, 401, b"", {"WWW-Authenticate": challenge})
        elif path in self.json_answers:
            _send(connection, 200, json.dumps(self.json_answers[path]).encode())
        elif path not in self.files:
            _send(connection, 404, b"no such file")
        elif manners.redirect:
            _send(connection, 307, b"", {"Location": manners.redirect + path} | self.heads.get(path, {}))
        else:
            self._send_file(connection, request, self.files[path])

    def _send_file(self, connection: socket.socket, request: Request, data: bytes) -> None:
        manners = self.manners
        self._wear_token_out(data)
        size = manners.told_size if manners.told_size is not None else len(data)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        start, end, status = 0, size, 200
        extra = {"ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"'}
        if asked and manners.ranges:
            start, end = int(asked[1]), min(int(asked[2]) + 1, size) if asked[2] else size
            status = 206
            extra["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        extra["Content-Length"] = str(end - start)
        body = bytearray(data[start:end])
        if manners.corrupt_at is not None and start <= manners.corrupt_at < start + len(body):
            body[manners.corrupt_at - start] ^= 1
        _send(connection, status, b"", extra)
        if request.method != "HEAD":
            hold = manners.hold if request.path.endswith(manners.holds_only) else None
            self._send_body(connection, bytes(body), hold)

    def _wear_token_out(self, data: bytes) -> None:
        """After so many uses the token is another one."""
        with self._lock:
            if self.manners.token_uses and len(data) >= SMALL_BYTES:
                self._uses += 1
                if self._uses % self.manners.token_uses == 0:
                    self.manners.token += "+"

    def _send_body(self, connection: socket.socket, body: bytes, hold: threading.Event | None) -> None:
        manners, sent = self.manners, 0
        if len(body) < SMALL_BYTES:
            connection.sendall(body)
            return
        chunk = len(body) // 4 if hold is not None else manners.chunk
        with self._lock:
            drop = manners.drop_after if manners.drops > 0 else 0
            stall = manners.stall_after if manners.stalls > 0 else 0
            manners.drops -= bool(drop)
            manners.stalls -= bool(stall)
        while sent < len(body):
            if hold is not None and sent >= len(body) // 2:
                self.halfway.set()
                while not (hold.wait(0.05) or self._over.is_set()):
                    pass
            step = min(chunk, len(body) - sent, *(n - sent for n in (drop, stall) if n > sent))
            connection.sendall(body[sent : sent + step])
            sent += step
            if drop and sent >= drop:
                return
            if stall and sent >= stall:
                connection.settimeout(30)
                connection.recv(1)  # until the other side gives up
                return


def _send(connection: socket.socket, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode() + body)


@contextmanager
def unruly(manners: Manners | None = None, tls: ssl.SSLContext | None = None) -> Iterator[UnrulyServer]:
    """A server that lives as long as the block."""
    server = UnrulyServer(manners, tls)
    try:
        yield server
    finally:
        server.close()
