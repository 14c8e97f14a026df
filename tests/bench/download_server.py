"""A plain file server for the figure of downloads: one file with parts, sent by the kernel, and its manifest.

`download_server.py FILE SHA256` prints `{"url": …}` and serves until it is killed.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from pathlib import Path


def serve(connection: socket.socket, file: Path, sha256: str) -> None:
    """Answer one request."""
    with connection:
        head = connection.recv(65536).decode("latin-1")
        size = file.stat().st_size
        if "/manifests/" in head:
            layer = {
                "mediaType": "application/vnd.ollama.image.model",
                "size": size,
                "digest": f"sha256:{sha256}",
            }
            body = json.dumps({"layers": [layer]}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        asked = re.search(r"(?im)^range: bytes=(\d+)-(\d*)", head)
        start = int(asked[1]) if asked else 0
        end = int(asked[2]) + 1 if asked and asked[2] else size
        first = "206 -" if asked else "200 OK"
        part = f"Content-Range: bytes {start}-{end - 1}/{size}\r\n" if asked else ""
        connection.sendall(f"HTTP/1.1 {first}\r\n{part}Content-Length: {end - start}\r\n\r\n".encode())
        with file.open("rb") as data:
            connection.sendfile(data, start, end - start)


def main() -> None:
    """Serve until the end."""
    file, sha256 = Path(sys.argv[1]), sys.argv[2]
    listening = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, file, sha256), daemon=True).start()


if __name__ == "__main__":
    main()
