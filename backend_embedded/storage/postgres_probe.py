"""Tries the address of a PostgreSQL database, and leaves nothing there."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import text

from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.errors import StorageUnavailable
from backend_embedded.storage.postgres_engine import address, open_engine
from backend_embedded.storage.postgres_failures import translated

PATIENCE_S = 5.0


async def tried(url: str) -> ServiceFound:
    """What the server of a database tells of itself.

    Raises:
        InvalidInput: the address is none of a PostgreSQL database.
        StorageUnavailable: it is not there, does not answer, or does not let us in.
    """
    parsed = address(url)
    where = f"{parsed.host or 'localhost'}:{parsed.port or 5432}"
    engine = open_engine(parsed)
    try:
        async with asyncio.timeout(PATIENCE_S):
            with translated(where):
                async with engine.connect() as connection:
                    version = str((await connection.execute(text("SHOW server_version"))).scalar_one())
                    began_s = time.perf_counter()
                    await connection.execute(text("SELECT 1"))
                    latency_ms = (time.perf_counter() - began_s) * 1000
    except TimeoutError:
        raise StorageUnavailable(
            f"PostgreSQL at {where} does not answer within {PATIENCE_S:g} s.",
            remedy="Look whether it is overloaded or held.",
        ) from None
    finally:
        await engine.dispose()
    return ServiceFound(
        kind=ServiceKind.DATABASE,
        product="PostgreSQL",
        version=version.split(" ")[0],
        latency_ms=latency_ms,
    )
