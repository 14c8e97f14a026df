"""Calls for the local API: where other programs reach it, and with which key."""

from __future__ import annotations

from pydantic import TypeAdapter

from backend_embedded.contract.envelope import Success
from backend_embedded.contract.local_api import LocalApiInfo
from ui.client.calls import Calls

_info = TypeAdapter(Success[LocalApiInfo])

LOCAL_API = "/api/v1/local-api"


class LocalApiThings(Calls):
    """These calls; see `Backend`."""

    async def local_api(self) -> LocalApiInfo:
        """Mode, address and key."""
        return (await self._call("GET", LOCAL_API, _info)).data

    async def new_local_api_key(self) -> LocalApiInfo:
        """Make another key; the old one is refused from then on."""
        return (await self._call("POST", f"{LOCAL_API}/key", _info)).data
