"""The news that the settings name a model which nobody has, told once for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backend_embedded.contract.events import Notice
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.llm.failover.choice import Situation, lacking_default
from backend_embedded.llm.names import OLLAMA_PRODUCT


class LackingModels:
    """What was told; `publish` takes notices for the window."""

    def __init__(self, publish: Callable[[Notice], None]) -> None:
        self._publish = publish
        self._notices: dict[str, Notice] = {}

    def tell(self, settings: BackendSettings, now: Situation, models: Sequence[Model]) -> None:
        """Tell it with what can be done, if it is so and was not told; nothing is degraded.

        Args:
            models: those that there are, the one that is used instead marked as default.
        """
        lacking = lacking_default(settings, now)
        if lacking is None or lacking in self._notices:
            return
        instead = next((model for model in models if model.default), None)
        use = () if instead is None else (f"use_model:{instead.name}",)
        named = "It has no other model." if instead is None else f"{instead.title} is used instead."
        notice = Notice(
            id=f"model-lacking:{lacking}",
            title=f"{OLLAMA_PRODUCT} has no model named {lacking}",
            message=f"The settings name {lacking} as the model to use, but it is not there. {named}",
            actions=(*use, f"pull:{lacking}", "open_settings"),
        )
        self._notices[lacking] = notice
        self._publish(notice)

    def holding(self, settings: BackendSettings, now: Situation) -> tuple[Notice, ...]:
        """What was told and is still so."""
        lacking = lacking_default(settings, now)
        return tuple(notice for name, notice in self._notices.items() if name == lacking)
