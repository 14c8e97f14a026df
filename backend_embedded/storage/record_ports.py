"""The ports of the stores of tasks, agents, the audit log and the configuration, in words of the domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from backend_embedded.contract.agents import Agent, AgentCreate, AgentPatch, AgentSeen
from backend_embedded.contract.ledger import AuditLine, ConfigEntry, ConfigPut
from backend_embedded.contract.tasks import Task, TaskCreate, TaskPatch, TaskStatus, TaskStep

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: a line in the audit log names it.

    Attributes:
        name: `user`, or the name of an agent or of a part of the program.
        correlation_id: of the request that led to it.
    """

    name: str
    correlation_id: str = ""
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of a list is wanted.

    Attributes:
        sort: names of fields; one with `-` before it sorts downwards. Empty: the newest first.
        equal: by field, the values of which it has to have one.
        since: made at this time or later.
        until: made before this time.
    """

    limit: int = 100
    offset: int = 0
    sort: tuple[str, ...] = ()
    equal: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `total` counts the whole of it."""

    items: tuple[T, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that a change follows from: the same one is heeded once by each consumer."""

    message_id: UUID
    consumer: str


class TaskStore(Protocol):
    """Keeps tasks. Every change is one transaction with its lines in the task's history and the audit log and,
    in the outbox, the message that tells it.

    All raise `StorageUnavailable` when the store cannot be reached, and `NotFound` for an id that is not there.
    """

    async def tasks(self, wanted: Listing) -> Page[Task]:
        """A part of the list. Raises InvalidInput for a field that cannot be sorted by."""
        ...

    async def task(self, task_id: UUID) -> Task:
        """One task."""
        ...

    async def history(self, task_id: UUID) -> Sequence[TaskStep]:
        """The changes of its status, oldest first."""
        ...

    async def create(self, wanted: TaskCreate, by: Actor) -> Task:
        """Make a task, which `task.created` tells. Raises InvalidInput for an agent or task that is not there."""
        ...

    async def change(self, task_id: UUID, patch: TaskPatch, by: Actor) -> Task:
        """Change what the patch names. Raises Conflict for a task that has ended."""
        ...

    async def cancel(self, task_id: UUID, by: Actor) -> Task:
        """End a task that has not ended. Raises Conflict for one that has, unless it was cancelled."""
        ...

    async def again(self, task_id: UUID, by: Actor) -> Task:
        """Have a task done again that failed or was cancelled. Raises Conflict for any other."""
        ...

    async def begin(
        self, task_id: UUID, agent_id: UUID | None, by: Actor, told: Delivery | None = None
    ) -> Task:
        """An agent works on it now. Raises Conflict if it is not pending."""
        ...

    async def finish(
        self,
        task_id: UUID,
        status: TaskStatus,
        by: Actor,
        result: Any = None,
        error: Any = None,
        told: Delivery | None = None,
    ) -> Task:
        """It is completed or has failed. Raises Conflict if it has ended before.

        With `told`, a message that was heeded before changes nothing; the task is given as it is.
        """
        ...


class AgentStore(Protocol):
    """Keeps what is known of agents; changes are told as those of tasks are."""

    async def agents(self, wanted: Listing) -> Page[Agent]:
        """A part of the list."""
        ...

    async def agent(self, agent_id: UUID) -> Agent:
        """One agent."""
        ...

    async def register(self, wanted: AgentCreate, by: Actor) -> Agent:
        """Make an agent known, or change what is known of the one of this name; what people set is kept."""
        ...

    async def change(self, agent_id: UUID, patch: AgentPatch, by: Actor) -> Agent:
        """Change what the patch names."""
        ...

    async def seen(self, agent_id: UUID, how: AgentSeen) -> Agent:
        """It told how it does. Only a change of its status goes to the audit log."""
        ...


class AuditLog(Protocol):
    """What was changed by whom; lines are never changed."""

    async def lines(self, wanted: Listing) -> Page[AuditLine]:
        """A part of the log."""
        ...


class ConfigStore(Protocol):
    """Values that are set for the whole system."""

    async def entries(self, wanted: Listing) -> Page[ConfigEntry]:
        """A part of the list, by key."""
        ...

    async def entry(self, key: str) -> ConfigEntry:
        """One entry."""
        ...

    async def put(self, key: str, wanted: ConfigPut, by: Actor) -> ConfigEntry:
        """Set a value. Raises Conflict if the entry has another version than the one that is wanted."""
        ...

    async def remove(self, key: str, by: Actor) -> None:
        """Forget an entry."""
        ...
