"""The doors for other programs, as the window tells of them: `GET /api/v1/local-api`."""

from __future__ import annotations

from backend_embedded.contract.settings import LocalApi
from backend_embedded.contract.wire import Wire


class LocalApiInfo(Wire):
    """Where other programs reach the local API, and with which key."""

    mode: LocalApi
    """As it is in this run; `sutazai serve --local-api` has the last word."""
    url: str = ""
    """Address of the OpenAI API, without `/v1`; empty when it is off."""
    key: str = ""
    """Goes as `Authorization: Bearer`."""
    ollama_url: str = ""
    """Address of the Ollama API; empty when it is off."""
