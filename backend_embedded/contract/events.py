"""The one numbered stream by which the backend tells the window what changed.

Server-sent events; `id:` is `<run id>:<number>`, `event:` the kind, `data:` the object below.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from backend_embedded.contract.conversations import Conversation
from backend_embedded.contract.library import Download
from backend_embedded.contract.models import Engine, Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import Capability, SystemStatus
from backend_embedded.contract.wire import Wire


class Snapshot(Wire):
    """The whole state: the first event of a new subscriber, and after a gap."""

    kind: Literal["snapshot"] = "snapshot"
    status: SystemStatus
    engine: Engine
    models: tuple[Model, ...]
    settings: BackendSettings
    downloads: tuple[Download, ...] = ()
    notices: tuple[Notice, ...] = ()
    """What the user was told, once for each id, and still holds."""


class CapabilityChanged(Wire):
    """A capability has another state, product or reason."""

    kind: Literal["capability_changed"] = "capability_changed"
    capability: Capability


class ConversationChanged(Wire):
    """A conversation was made, renamed, written to, deleted (`deleted_at` set) or restored."""

    kind: Literal["conversation_changed"] = "conversation_changed"
    conversation: Conversation


class ConversationRemoved(Wire):
    """A conversation is gone for good."""

    kind: Literal["conversation_removed"] = "conversation_removed"
    conversation_id: UUID


class ModelsChanged(Wire):
    """The list of models, or what is loaded, changed."""

    kind: Literal["models_changed"] = "models_changed"
    models: tuple[Model, ...]


class EngineChanged(Wire):
    """The engine's build went on, ended or failed."""

    kind: Literal["engine_changed"] = "engine_changed"
    engine: Engine


class SettingsChanged(Wire):
    """The backend's settings changed."""

    kind: Literal["settings_changed"] = "settings_changed"
    settings: BackendSettings
    fields: tuple[str, ...] = ()
    """Names of those that are different now; a password, which is not shown, may be all of the difference."""


class RunnerExited(Wire):
    """A model runner ended that should not have; it is started again by itself."""

    kind: Literal["runner_exited"] = "runner_exited"
    model: str
    message: str
    """How it ended, in words."""
    restart_in_s: float
    stderr_tail: tuple[str, ...] = ()


class DownloadChanged(Wire):
    """A download went on, ended, failed or was removed (`download.state` says which)."""

    kind: Literal["download_changed"] = "download_changed"
    download: Download
    removed: bool = False


class Notice(Wire):
    """Something the user is told once: what happened and what can be chosen."""

    kind: Literal["notice"] = "notice"
    id: str
    """The same for the same thing, so that it is told once."""
    title: str
    message: str
    actions: tuple[str, ...] = ()
    """Ids of what may be chosen: `use_model:NAME`, `pull:REFERENCE`, `open_settings`."""


Event = Annotated[
    Snapshot
    | CapabilityChanged
    | ConversationChanged
    | ConversationRemoved
    | ModelsChanged
    | EngineChanged
    | SettingsChanged
    | RunnerExited
    | DownloadChanged
    | Notice,
    Field(discriminator="kind"),
]

event = TypeAdapter[Event](Event)
