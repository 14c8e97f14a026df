"""How it stands with the local engine and its models, told when it is another way than before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged
from backend_embedded.contract.models import Model
from backend_embedded.contract.status import Capability, State
from backend_embedded.llm.names import LLAMA_CPP


class Standing:
    """What was last told; `publish` takes events for the window."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._models: tuple[Model, ...] = ()
        self._capability = Capability(
            name="model", state=State.DOWN, provider="embedded", product=LLAMA_CPP, since=datetime.now(UTC)
        )

    @property
    def capability(self) -> Capability:
        """State of the provider."""
        return self._capability

    def tell(self, models: tuple[Model, ...], engine: bool, trouble: str) -> None:
        """Publish what is different from what was last published.

        Args:
            engine: whether the engine is there.
            trouble: what is wrong with a runner that should live, in words; empty: nothing.
        """
        if models != self._models:
            self._models = models
            self._publish(ModelsChanged(models=models))
        state, product, reason = _judged(models, engine, trouble)
        now = self._capability
        if (state, product, reason) != (now.state, now.product, now.reason):
            since = now.since if state == now.state else datetime.now(UTC)
            self._capability = now.model_copy(
                update={"state": state, "product": product, "reason": reason, "since": since}
            )
            self._publish(CapabilityChanged(capability=self._capability))


def _judged(models: tuple[Model, ...], engine: bool, trouble: str) -> tuple[State, str, str]:
    default = next((model for model in models if model.default), None)
    product = LLAMA_CPP if default is None else f"{LLAMA_CPP} · {default.title}"
    if not engine:
        return State.DOWN, product, "The local engine, llama.cpp, is not built yet."
    if default is None:
        return State.DOWN, product, "There is no usable model on this machine."
    if trouble:
        return State.DEGRADED, product, trouble
    return State.OK, product, ""
