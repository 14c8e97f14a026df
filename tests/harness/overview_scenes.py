"""Every state of the overview that is worth a picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import scripted_overview as content
from scene import Scene
from window_stage import Stage, shows

from app.main_window import OVERVIEW
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.status import Capability
from ui.overview.presenter import OverviewPresenter


def overview(*changed: Capability) -> Callable[[Stage], Awaitable[None]]:
    """The page with these capabilities in the place of those that are well."""

    async def play(stage: Stage) -> None:
        others = {one.name: one for one in changed}
        stage.backend.capabilities = tuple(others.get(one.name, one) for one in content.CAPABILITIES)
        stage.backend.audit = content.lines(stage.backend.now)
        stage.tell(stage.backend.snapshot())
        stage.shell.show_page(OVERVIEW)
        await stage.until("the queues", lambda: shows(stage.overview_page, "12 waiting, 3 under way"))

    return play


async def loading(stage: Stage) -> None:
    stage.overview = OverviewPresenter(stage.backend, lambda: stage.backend.now)  # nothing was heard yet
    stage.shell.show_page(OVERVIEW)
    await stage.until("the bars", lambda: stage.overview_page.waiting.is_drawn)


async def refused(stage: Stage) -> None:
    await overview()(stage)
    message = "The store cannot be read: the disk is full."
    stage.backend.refuse(ErrorBody(code=ErrorCode.STORAGE_ERROR, message=message), "queue")
    await stage.overview.read()
    await stage.until("the reason", lambda: shows(stage.overview_page, "the disk is full"))


async def lost(stage: Stage) -> None:
    await overview()(stage)
    stage.connection_is(False)
    await stage.until("that it is old", lambda: shows(stage.overview_page, "Not connected"))


OVERVIEW_SCENES: Sequence[Scene] = (
    Scene("overview", overview()),
    Scene("overview-degraded", overview(content.DEGRADED)),
    Scene("overview-down", overview(content.DOWN, content.DEGRADED)),
    Scene("overview-loading", loading),
    Scene("overview-refused", refused),
    Scene("overview-lost", lost),
)
