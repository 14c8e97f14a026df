"""Words for capabilities: in the status bar, its tooltips and its popover."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.shell.values import CapabilityState

ORDER = (
    "model",
    "engine",
    "store",
    "tasks",
    "cache",
    "queue",
    "events",
    "graph",
    "vectors",
    "metrics",
    "stack",
)
STATE_WORDS = {"ok": "ok", "degraded": "degraded", "down": "down"}


def in_order(capabilities: Sequence[CapabilityState]) -> list[CapabilityState]:
    """The capabilities in the fixed order; names that it does not know come last."""
    place = {name: at for at, name in enumerate(ORDER)}
    return sorted(capabilities, key=lambda one: (place.get(one.name, len(ORDER)), one.name))


def name_of(capability: CapabilityState) -> str:
    """`model` as `Model`."""
    return capability.name.replace("_", " ").capitalize()


def detail_of(capability: CapabilityState) -> str:
    """What stands beside the name: the product for the model, the state when it is not ok."""
    if capability.state == "ok":
        return capability.product if capability.name == "model" else ""
    return str(STATE_WORDS.get(capability.state, capability.state))


def since_of(since: datetime) -> str:
    """`since 09:42`, with the day when it was not today."""
    local = since.astimezone() if since.tzinfo else since
    today = datetime.now(local.tzinfo).date()
    return f"since {local:%H:%M}" if local.date() == today else f"since {local:%Y-%m-%d %H:%M}"


def tooltip_of(capability: CapabilityState) -> str:
    """`Queue: degraded, embedded, RabbitMQ refused the connection, since 09:42`."""
    parts = [str(capability.state), capability.provider, capability.product, capability.reason]
    parts.append(since_of(capability.since))
    said = list(dict.fromkeys(part for part in parts if part))
    return f"{name_of(capability)}: {', '.join(said)}"


def title_of(capability: CapabilityState) -> str:
    """`Queue is degraded`."""
    return f"{name_of(capability)} is {capability.state}"
