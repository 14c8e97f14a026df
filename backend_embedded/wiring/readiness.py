"""What a backend that has just opened does before it is asked anything."""

from __future__ import annotations

import logging

from backend_embedded.contract.models import EngineState
from backend_embedded.errors import ControlCenterError
from backend_embedded.services import Services

log = logging.getLogger(__name__)


async def get_ready(services: Services) -> None:
    """Build the engine if this machine has none, else bring the default model into memory."""
    if services.engine.state().state is EngineState.MISSING:
        await services.engine.build()  # returns at once; its end loads the model
    else:
        await preload(services)


async def preload(services: Services) -> None:
    """Bring the default model into memory, so that the first answer does not wait for it."""
    if services.engine.state().state is not EngineState.READY or services.settings.current.keep_alive_s == 0:
        return
    try:
        await services.model.load()
        for name in services.settings.current.pinned_models:
            await services.model.load(name)
    except ControlCenterError as error:
        # The model's capability says it on the screen; the first question will say it again.
        log.info("The default model was not loaded ahead: %s", error.message)
