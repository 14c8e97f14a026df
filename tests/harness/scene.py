"""How one state of the window is named and brought about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import scripted_content as content
from window_stage import Stage

from backend_embedded.contract.models import Engine


@dataclass(frozen=True)
class Scene:
    """How one state is brought about.

    Attributes:
        name: of the state and its pictures.
        play: brings the window there, and waits until it is.
        filled: there are chats before.
        welcomed: the first-run welcome is over.
    """

    name: str
    play: Callable[[Stage], Awaitable[None]]
    filled: bool = True
    welcomed: bool = True


def without_engine(stage: Stage, engine: Engine) -> None:
    """The engine is not there: it is being built, or was not."""
    stage.engine_is(engine)
    stage.capability_is(content.model_down())
