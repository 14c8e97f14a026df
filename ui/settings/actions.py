"""What the settings put into the table of actions; they work before the page was ever shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.settings.state import TEXT_PERCENTS
from ui.shell.actions import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.settings.presenter import SettingsPresenter

GROUP = "Settings"


def settings_actions(
    presenter: SettingsPresenter, show_setting: Callable[[str], object]
) -> tuple[Action, ...]:
    """The actions of everywhere that belong to the settings.

    Args:
        presenter: carries them out.
        show_setting: shows the page and one of its settings (`SettingsPage.show_setting`).
    """

    def made(
        name: str,
        title: str,
        run: Callable[[], object],
        *,
        icon: str = "settings-2",
        shortcut: str = "",
        enabled: Callable[[], bool] = lambda: True,
    ) -> Action:
        return Action(
            id=f"settings.{name}",
            title=title,
            run=run,
            group=GROUP,
            icon=icon,
            shortcut=shortcut,
            enabled=enabled,
        )

    def theme(name: str) -> Action:
        return made(
            f"theme.{name}",
            f"Switch to {name} theme",
            lambda: presenter.set_theme(name),
            enabled=lambda: presenter.state.appearance.theme != name,
        )

    def shown(name: str, title: str) -> Action:
        return made(f"show.{name}", title, lambda: show_setting(name))

    def percent() -> int:
        return presenter.state.appearance.text_percent

    def motion() -> bool:
        return presenter.state.appearance.reduced_motion

    return (
        theme("light"),
        theme("dark"),
        theme("system"),
        made(
            "text.larger",
            "Larger text",
            lambda: presenter.step_text(1),
            shortcut="Ctrl++",
            enabled=lambda: percent() < TEXT_PERCENTS[-1],
        ),
        made(
            "text.smaller",
            "Smaller text",
            lambda: presenter.step_text(-1),
            shortcut="Ctrl+-",
            enabled=lambda: percent() > TEXT_PERCENTS[0],
        ),
        made("text.normal", "Normal text size", lambda: presenter.set_text_percent(100), shortcut="Ctrl+0"),
        made(
            "motion.reduce",
            "Reduce motion",
            lambda: presenter.set_reduced_motion(True),
            enabled=lambda: not motion(),
        ),
        made("motion.allow", "Allow motion", lambda: presenter.set_reduced_motion(False), enabled=motion),
        shown("models_folder", "Show models folder setting"),
        shown("default_model", "Show default model setting"),
        shown("threads", "Show threads setting"),
        shown("context_size", "Show context size setting"),
        shown("keep_alive_s", "Show keep-alive setting"),
        shown("read_ahead", "Show read while typing setting"),
        shown("propose_titles", "Show propose titles setting"),
        shown("provider", "Show provider setting"),
        shown("ollama_url", "Show address of the Ollama server"),
        shown("local_api", "Show local API"),
        shown("engine", "Show local engine"),
        shown("paths", "Show paths"),
        shown("about", "About SutazAI"),
        made(
            "engine.build",
            "Build engine again",
            lambda: presenter.spawn(presenter.build_engine()),
            icon="rotate-cw",
            enabled=lambda: presenter.state.can_build,
        ),
        made(
            "engine.cancel",
            "Cancel engine build",
            lambda: presenter.spawn(presenter.cancel_build()),
            icon="ban",
            enabled=lambda: presenter.state.can_cancel_build,
        ),
    )
