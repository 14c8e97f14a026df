"""The store of agents, in SQL of either product."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.agents import Agent, AgentCreate, AgentPatch, AgentSeen
from backend_embedded.errors import NotFound
from backend_embedded.storage.database import Database
from backend_embedded.storage.ledger import announce_event, note
from backend_embedded.storage.paging import page
from backend_embedded.storage.record_ports import Actor, Listing, Page
from backend_embedded.storage.records import agent_metrics, agents
from backend_embedded.storage.rows import AnyRow

ENTITY = "agent"
BY_NAME = ("name",)


class SqlAgentStore:
    """Keeps what is known of agents; see `AgentStore`.

    Args:
        changed: told after every change, with the id of the agent.
    """

    def __init__(self, database: Database, changed: Callable[[UUID], Awaitable[None]]) -> None:
        self._database = database
        self._changed = changed

    async def agents(self, wanted: Listing) -> Page[Agent]:
        """A part of the list."""
        return await self._database.read(
            lambda connection: page(connection, agents, wanted, as_agent, BY_NAME)
        )

    async def agent(self, agent_id: UUID) -> Agent:
        """One agent."""
        return await self._database.read(lambda connection: _agent(connection, agent_id))

    async def register(self, wanted: AgentCreate, by: Actor) -> Agent:
        """Make an agent known, or change what is known of the one of this name."""

        async def work(connection: AsyncConnection) -> Agent:
            rows = await connection.execute(select(agents).where(agents.c.name == wanted.name))
            row = rows.one_or_none()
            if row is not None:
                there = as_agent(row)
                values = wanted.model_dump(exclude={"name"})
                if there.description:
                    values.pop("description")  # a person wrote it
                return await _set(connection, there, values, by, "changed")
            now = datetime.now(UTC)
            made = Agent(id=uuid4(), **wanted.model_dump(), created_at=now, updated_at=now)
            row_values = made.model_dump() | {"capabilities": list(made.capabilities)}
            await connection.execute(insert(agents).values(row_values))
            facts = wanted.model_dump(mode="json", exclude_none=True)
            await note(connection, by, "created", ENTITY, str(made.id), after=facts)
            await announce_event(connection, "AGENT_REGISTERED", made.name, {"agent_id": str(made.id)})
            return made

        return await self._told(work, one_by_one="agents")

    async def change(self, agent_id: UUID, patch: AgentPatch, by: Actor) -> Agent:
        """Change what the patch names."""

        async def work(connection: AsyncConnection) -> Agent:
            there = await _agent(connection, agent_id, locked=True)
            values = {name: value for name, value in patch.model_dump().items() if value is not None}
            return await _set(connection, there, values, by, "changed")

        return await self._told(work)

    async def seen(self, agent_id: UUID, how: AgentSeen) -> Agent:
        """It told how it does."""

        async def work(connection: AsyncConnection) -> Agent:
            there = await _agent(connection, agent_id, locked=True)
            now = datetime.now(UTC)
            if how.status is not there.status:
                there = await _set(connection, there, {"status": how.status}, Actor(there.name), "changed")
            seen = {"load": how.load, "last_seen_at": now}
            await connection.execute(update(agents).where(agents.c.id == agent_id).values(seen))
            await connection.execute(
                insert(agent_metrics).values(
                    id=uuid4(), agent_id=agent_id, name="load", value=how.load, labels=how.facts or None,
                    created_at=now,
                )
            )  # fmt: skip
            return there.model_copy(update=seen)

        return await self._told(work)

    async def _told(self, work: Callable[[AsyncConnection], Any], one_by_one: str = "") -> Agent:
        changed: Agent = await self._database.write(work, one_by_one=one_by_one)
        await self._changed(changed.id)
        return changed


def as_agent(row: AnyRow) -> Agent:
    """A row of `agents`."""
    values = dict(row._mapping)
    return Agent.model_validate(values | {"capabilities": tuple(values["capabilities"] or ())})


async def _agent(connection: AsyncConnection, agent_id: UUID, *, locked: bool = False) -> Agent:
    wanted = select(agents).where(agents.c.id == agent_id)
    row = (await connection.execute(wanted.with_for_update() if locked else wanted)).one_or_none()
    if row is None:
        raise NotFound("There is no such agent.", agent_id=str(agent_id))
    return as_agent(row)


async def _set(
    connection: AsyncConnection, there: Agent, values: dict[str, Any], by: Actor, action: str
) -> Agent:
    """Change what differs, and tell of it."""
    values = {name: value for name, value in values.items() if value != getattr(there, name)}
    if not values:
        return there
    changed = there.model_copy(update=values | {"updated_at": datetime.now(UTC)})
    stored = changed.model_dump(include={*values, "updated_at"})
    if "capabilities" in stored:
        stored["capabilities"] = list(changed.capabilities)
    await connection.execute(update(agents).where(agents.c.id == there.id).values(stored))
    before, after = (one.model_dump(mode="json", include=set(values)) for one in (there, changed))
    await note(connection, by, action, ENTITY, str(there.id), before, after)
    event = "AGENT_STATUS_CHANGE" if "status" in values else "AGENT_CHANGED"
    await announce_event(connection, event, there.name, {"agent_id": str(there.id), **after})
    return changed
