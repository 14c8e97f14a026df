"""What the setting `cache` means: where a server is looked for."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

AUTO, EMBEDDED = "auto", "embedded"
USUAL_URLS = ("redis://127.0.0.1:10001", "redis://127.0.0.1:6379")
"""Where one is looked for by itself: the specification's port, then Redis' own."""


KNOWN_PARAMETERS = {"db"}
"""Others would change how the driver reads what is kept."""


def urls_of(setting: str, usual_urls: tuple[str, ...] = USUAL_URLS) -> tuple[str, ...]:
    """The addresses to look at, in order; none: the program keeps its cache itself."""
    match setting.strip() or AUTO:
        case "auto":
            return usual_urls
        case "embedded":
            return ()
        case url:
            return (url,)


def host_and_port(url: str) -> tuple[str, int] | None:
    """Where a connection would be made; None for a socket of the file system. Raises ValueError."""
    parts = urlsplit(url)
    if not parse_qs(parts.query).keys() <= KNOWN_PARAMETERS:
        raise ValueError("it may have no parameter but db")
    if parts.scheme == "unix":
        return None
    return parts.hostname or "localhost", parts.port or 6379
