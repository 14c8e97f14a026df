"""The call that tries the address of a server."""

from __future__ import annotations

from pydantic import TypeAdapter

from backend_embedded.contract.envelope import Success
from backend_embedded.contract.probes import ServiceFound, ServiceTest
from ui.client.calls import Calls

_found = TypeAdapter(Success[ServiceFound])


class ServiceThings(Calls):
    """This call; see `ui.settings.port`."""

    async def test_service(self, request: ServiceTest) -> ServiceFound:
        """Connect to a server and leave it again; raises ClientError with the reason when that fails."""
        return (await self._call("POST", "/api/v1/services/test", _found, body=request)).data
