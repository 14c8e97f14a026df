"""What the models page puts into the table of actions; they work before the page was ever shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.shell.actions import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ui.models.page import ModelsPage
    from ui.models.presenter import ModelsPresenter

PAGE = "models"
GROUP = "Models"


def models_actions(presenter: ModelsPresenter, page: Callable[[], ModelsPage]) -> tuple[Action, ...]:
    """The actions of everywhere and of the page.

    Args:
        presenter: carries them out.
        page: shows the page and gives it.
    """

    def made(
        name: str,
        title: str,
        run: Callable[[], object],
        *,
        icon: str = "box",
        shortcut: str = "",
        here: bool = False,
        enabled: Callable[[], bool] = lambda: True,
    ) -> Action:
        return Action(
            id=f"models.{name}",
            title=title,
            run=run,
            group=GROUP,
            icon=icon,
            shortcut=shortcut,
            page=PAGE if here else "",
            enabled=enabled,
        )

    def connected() -> bool:
        return presenter.state.connected

    def usable() -> bool:
        model = presenter.state.model
        return connected() and model is not None and not model.problem

    return (
        made("get", "Get models", lambda: page().show_get(), icon="download"),
        made("machine", "Show models on this machine", lambda: page().show_machine()),
        made("look_up", "Look up any model", lambda: page().look_up(), icon="search"),
        made("import", "Import models", lambda: page().open_import(), icon="plus", enabled=connected),
        made(
            "filter",
            "Filter models",
            lambda: page().focus_search(),
            icon="search",
            shortcut="Ctrl+F",
            here=True,
        ),
        made(
            "refresh",
            "Read the models again",
            lambda: presenter.spawn(presenter.resync()),
            icon="refresh-cw",
            shortcut="F5",
            here=True,
            enabled=connected,
        ),
        made(
            "load",
            "Load or unload the model",
            lambda: page().machine.panel.toggle_load(),
            icon="play",
            here=True,
            enabled=usable,
        ),
        made(
            "pin",
            "Pin or unpin the model",
            lambda: page().machine.panel.toggle_pin(),
            icon="pin",
            here=True,
            enabled=usable,
        ),
    )


def model_actions(presenter: ModelsPresenter, page: Callable[[], ModelsPage]) -> Iterable[Action]:
    """One action for each model, for the palette."""
    for model in presenter.state.models or ():

        def open_it(name: str = model.name) -> None:
            page().show_model(name)

        yield Action(
            id=f"models.open.{model.name}",
            title=model.title or model.name,
            run=open_it,
            group=GROUP,
            icon="box",
            place=model.quantization,
        )
