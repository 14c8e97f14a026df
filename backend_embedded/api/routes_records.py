"""Tasks, agents, the audit log and the configuration."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from backend_embedded.api.answers import success
from backend_embedded.api.lists import Found, KeptLists
from backend_embedded.api.parameters import DEFAULT_LIMIT, Fields, Limit, Offset
from backend_embedded.contract.agents import Agent, AgentPatch, AgentStatus
from backend_embedded.contract.envelope import PageInfo, Success
from backend_embedded.contract.ledger import AuditLine, ConfigEntry, ConfigPut
from backend_embedded.contract.tasks import Task, TaskCreate, TaskPatch, TaskStatus, TaskStep
from backend_embedded.logs.context import current_request
from backend_embedded.services import Records
from backend_embedded.storage.record_ports import Actor, Listing, Page

Sort = Annotated[
    str | None,
    Query(
        description="Comma-separated fields to sort by; `-` before one sorts downwards.",
        examples=["-priority"],
    ),
]
Since = Annotated[AwareDatetime | None, Query(description="Made at this time or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Made before this time.")]

Key = Annotated[str, Path(min_length=1, max_length=200)]

PERSON = "user"
LOG = "audit_logs"


def routes(records: Records, kept: KeptLists) -> APIRouter:
    """The routes of what is kept in SQL besides conversations."""
    router = APIRouter(prefix="/api/v1", tags=["records"])

    async def listed(
        request: Request, entity: str, wanted: Listing, read: Callable[[Listing], Awaitable[Page[Any]]]
    ) -> Response:
        async def load() -> Found:
            page = await read(wanted)
            return {"items": [item.model_dump(mode="json") for item in page.items], "total": page.total}

        async def found() -> Found:
            if records.reads is None or entity == LOG:  # everything adds to the log
                return await load()
            given: Found = await records.reads.fetch_list(records.versions.name(entity), asdict(wanted), load)
            return given

        info = PageInfo(total=0, limit=wanted.limit, offset=wanted.offset)
        return await kept.make(request, entity, info, found)

    async def one(
        request: Request, entity: str, id: UUID | str, read: Callable[[], Awaitable[BaseModel]]
    ) -> Response:
        async def load() -> dict[str, Any]:
            return (await read()).model_dump(mode="json")

        if records.reads is None:
            return success(request, await load())
        return success(request, await records.reads.fetch(records.versions.name(entity), id, load))

    @router.get("/tasks", response_model=Success[list[Task]])
    async def tasks(
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        sort: Sort = None,
        status: Annotated[list[TaskStatus] | None, Query()] = None,
        type: Annotated[list[str] | None, Query()] = None,
        priority: Annotated[list[int] | None, Query()] = None,
        agent_id: Annotated[list[UUID] | None, Query()] = None,
        user_id: Annotated[list[UUID] | None, Query()] = None,
        parent_id: Annotated[list[UUID] | None, Query()] = None,
        since: Since = None,
        until: Until = None,
        fields: Fields = None,
    ) -> Response:
        """The tasks, the newest first; a filter that is given more than once lets all its values through."""
        equal = _given(
            status=status,
            type=type,
            priority=priority,
            agent_id=agent_id,
            user_id=user_id,
            parent_id=parent_id,
        )
        wanted = _listing(limit, offset, sort, equal, since, until)
        return await listed(request, "tasks", wanted, records.tasks.tasks)

    @router.post("/tasks", response_model=Success[Task], status_code=201)
    async def create_task(request: Request, body: TaskCreate) -> Response:
        """Make a task; an agent that can do it gets it from the queue."""
        return success(request, await records.tasks.create(body, _person()), status=201)

    @router.get("/tasks/{task_id}", response_model=Success[Task])
    async def task(request: Request, task_id: UUID, fields: Fields = None) -> Response:
        """One task."""
        return await one(request, "tasks", task_id, lambda: records.tasks.task(task_id))

    @router.get("/tasks/{task_id}/history", response_model=Success[list[TaskStep]])
    async def history(request: Request, task_id: UUID, fields: Fields = None) -> Response:
        """The changes of its status, oldest first."""
        return success(request, await records.tasks.history(task_id))

    @router.patch("/tasks/{task_id}", response_model=Success[Task])
    async def change_task(request: Request, task_id: UUID, body: TaskPatch) -> Response:
        """Change its priority, its agent or, while it is pending, what it is given."""
        return success(request, await records.tasks.change(task_id, body, _person()))

    @router.post("/tasks/{task_id}/cancel", response_model=Success[Task])
    async def cancel(request: Request, task_id: UUID) -> Response:
        """End a task that has not ended."""
        return success(request, await records.tasks.cancel(task_id, _person()))

    @router.post("/tasks/{task_id}/retry", response_model=Success[Task])
    async def retry(request: Request, task_id: UUID) -> Response:
        """Have a task done again that failed or was cancelled."""
        return success(request, await records.tasks.again(task_id, _person()))

    @router.get("/agents", response_model=Success[list[Agent]])
    async def agents(
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        sort: Sort = None,
        status: Annotated[list[AgentStatus] | None, Query()] = None,
        type: Annotated[list[str] | None, Query()] = None,
        name: Annotated[list[str] | None, Query()] = None,
        enabled: Annotated[bool | None, Query()] = None,
        fields: Fields = None,
    ) -> Response:
        """The agents, by name."""
        equal = _given(status=status, type=type, name=name, enabled=None if enabled is None else [enabled])
        wanted = _listing(limit, offset, sort, equal, None, None)
        return await listed(request, "agents", wanted, records.agents.agents)

    @router.get("/agents/{agent_id}", response_model=Success[Agent])
    async def agent(request: Request, agent_id: UUID, fields: Fields = None) -> Response:
        """One agent."""
        return await one(request, "agents", agent_id, lambda: records.agents.agent(agent_id))

    @router.patch("/agents/{agent_id}", response_model=Success[Agent])
    async def change_agent(request: Request, agent_id: UUID, body: AgentPatch) -> Response:
        """Give it work or no longer, describe it, say what it can do."""
        return success(request, await records.agents.change(agent_id, body, _person()))

    @router.get("/audit-logs", response_model=Success[list[AuditLine]])
    async def audit_logs(
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        sort: Sort = None,
        actor: Annotated[list[str] | None, Query()] = None,
        action: Annotated[list[str] | None, Query()] = None,
        entity: Annotated[list[str] | None, Query()] = None,
        entity_id: Annotated[list[str] | None, Query()] = None,
        since: Since = None,
        until: Until = None,
        fields: Fields = None,
    ) -> Response:
        """What was changed by whom, the latest first."""
        equal = _given(actor=actor, action=action, entity=entity, entity_id=entity_id)
        wanted = _listing(limit, offset, sort, equal, since, until)
        return await listed(request, LOG, wanted, records.audit.lines)

    @router.get("/config", response_model=Success[list[ConfigEntry]])
    async def config(
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        sort: Sort = None,
        fields: Fields = None,
    ) -> Response:
        """What is set for the whole system, by key."""
        wanted = _listing(limit, offset, sort, {}, None, None)
        return await listed(request, "config", wanted, records.config.entries)

    @router.get("/config/{key}", response_model=Success[ConfigEntry])
    async def entry(request: Request, key: str, fields: Fields = None) -> Response:
        """One entry."""
        return await one(request, "config", key, lambda: records.config.entry(key))

    @router.put("/config/{key}", response_model=Success[ConfigEntry])
    async def put(request: Request, key: Key, body: ConfigPut) -> Response:
        """Set a value."""
        return success(request, await records.config.put(key, body, _person()))

    @router.delete("/config/{key}", response_model=Success[None])
    async def remove(request: Request, key: str) -> Response:
        """Forget an entry."""
        await records.config.remove(key, _person())
        return success(request, None)

    return router


def _person() -> Actor:
    """Who asks over HTTP: the person whose token it is."""
    return Actor(PERSON, current_request.get().correlation_id)


def _given(**filters: Sequence[Any] | None) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(values) for name, values in filters.items() if values}


def _listing(
    limit: int,
    offset: int,
    sort: str | None,
    equal: dict[str, tuple[Any, ...]],
    since: datetime | None,
    until: datetime | None,
) -> Listing:
    names = tuple(name.strip() for name in (sort or "").split(",") if name.strip())
    return Listing(limit, offset, names, equal, since, until)
