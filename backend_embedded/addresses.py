"""Addresses of servers with their passwords hidden, and made whole again when they come back."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from backend_embedded.errors import InvalidInput

HIDDEN = "***"
_IN_QUERY = re.compile(r"(?<=[?&])((?:ssl)?password)=[^&]*")


def hidden(url: str) -> str:
    """The address with `***` for its password; what is no address, or has none, stays as it is."""
    user, secret, rest = _parts(url)
    shown = f"{user}:{HIDDEN}@{rest}" if secret else url
    return _IN_QUERY.sub(rf"\1={HIDDEN}", shown)


def whole(url: str, kept: str, field: str) -> str:
    """The address with the password of `kept` where `***` stands for it.

    Args:
        field: what the address is called in the request.

    Raises:
        InvalidInput: the password is hidden, and `kept` is not the same user of the same server.
    """
    if url == hidden(kept):
        return kept
    user, secret, rest = _parts(url)
    if secret != HIDDEN and f"password={HIDDEN}" not in url:
        return url
    kept_user, kept_secret, _ = _parts(kept)
    if secret == HIDDEN and kept_secret and user == kept_user and _server(url) == _server(kept):
        return f"{user}:{kept_secret}@{rest}"
    raise InvalidInput(
        "The password of this address is hidden, and it is kept for another user or server only.",
        remedy="Write the password into the address anew.",
        fields=[{"field": field, "problem": "the password is missing"}],
    )


def _parts(url: str) -> tuple[str, str, str]:
    """What comes before the password, the password, and what comes after the `@`; empty where there is none."""
    scheme, found, after = url.partition("://")
    end = min((at for at in map(after.find, "/?#") if at >= 0), default=len(after))
    login, at, server = after[:end].rpartition("@")
    name, _, secret = login.partition(":")
    if not (found and at and secret):
        return "", "", url
    return f"{scheme}://{name}", secret, server + after[end:]


def _server(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts: SplitResult = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return url, None, None
