from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import EngineChanged, ModelsChanged, SettingsChanged, Snapshot
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import State, SystemStatus
from ui.settings.presenter import SettingsPresenter
from ui.settings.state import About, Appearance, SettingsState

NOW = datetime(2026, 3, 2, 9, 41, tzinfo=UTC)
TINY = Model(name="tiny", title="Tiny", provider="llama.cpp", path="/tiny", size_bytes=1)


class KeptPreferences:
    def __init__(self) -> None:
        self.value = SimpleNamespace(theme="system", text_percent=100, reduced_motion=False)

    def change(self, **fields: Any) -> None:
        self.value = SimpleNamespace(**{**vars(self.value), **fields})


class Seen:
    def __init__(self) -> None:
        self.states: list[SettingsState] = []

    def state_changed(self, state: SettingsState) -> None:
        self.states.append(state)


class Desk:
    """A presenter with all that is around it."""

    def __init__(self) -> None:
        self.backend = ScriptedBackend()
        self.backend.known = (TINY,)
        self.preferences = KeptPreferences()
        self.looks: list[Appearance] = []
        self.reads = 0
        self.seen = Seen()
        self.presenter = SettingsPresenter(
            self.backend, self.preferences, self.looks.append, read_about=self._about
        )
        self.presenter.listen(self.seen)

    async def _about(self) -> About:
        self.reads += 1
        return About("0.1.0", "3.11")

    @property
    def state(self) -> SettingsState:
        return self.presenter.state


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110 - a plain value of another task
            await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    made.presenter.event_arrived(snapshot())
    yield made
    await made.presenter.close()


def snapshot(settings: BackendSettings | None = None) -> Snapshot:
    status = SystemStatus(version="0.1.0", run_id="r", started_at=NOW, state=State.OK, capabilities=())
    engine = Engine(state=EngineState.MISSING)
    return Snapshot(status=status, engine=engine, models=(TINY,), settings=settings or BackendSettings())


async def test_a_change_of_looks_is_applied_and_kept_at_once(desk: Desk) -> None:
    desk.presenter.set_theme("dark")
    desk.presenter.step_text(1)
    desk.presenter.set_reduced_motion(True)
    desk.presenter.set_reduced_motion(True)
    assert desk.looks[-1] == Appearance("dark", 115, True)
    assert len(desk.looks) == 3
    assert vars(desk.preferences.value) == {"theme": "dark", "text_percent": 115, "reduced_motion": True}
    assert desk.seen.states[-1].appearance == desk.looks[-1]


async def test_a_change_is_sent_alone_and_shown(desk: Desk) -> None:
    await desk.presenter.change("threads", "6")
    assert desk.backend.changes == [{"threads": 6}]
    assert desk.state.settings == BackendSettings(threads=6)
    assert desk.state.typed == {}


async def test_what_makes_no_sense_is_not_sent_and_stays_in_its_field(desk: Desk) -> None:
    await desk.presenter.change("context_size", "12")
    assert desk.backend.changes == []
    assert desk.state.shown("context_size") == "12"
    assert "not between" in desk.state.errors["context_size"]
    await desk.presenter.change("context_size", "2048")
    assert desk.state.errors == {}
    assert desk.state.shown("context_size") == "2048"


async def test_a_refused_change_stays_in_its_field_with_the_reason(desk: Desk) -> None:
    reason = "The folder /x does not exist."
    desk.backend.refuse(ErrorBody(code=ErrorCode.INVALID_INPUT, message=reason, remedy="Choose another."))
    await desk.presenter.change("models_folder", "/x")
    assert desk.state.shown("models_folder") == "/x"
    assert desk.state.errors == {"models_folder": "The folder /x does not exist. Choose another."}
    assert desk.state.settings == BackendSettings()
    desk.presenter.revert("models_folder")
    assert desk.state.shown("models_folder") == ""
    assert desk.state.errors == {}


async def test_an_old_refusal_does_not_mark_what_was_typed_since(desk: Desk) -> None:
    desk.backend.gate = asyncio.Event()
    desk.backend.refuse(ErrorBody(code=ErrorCode.STORAGE_UNAVAILABLE, message="The disk is full."))
    slow = desk.presenter.spawn(desk.presenter.change("threads", "2"))
    await until(lambda: bool(desk.backend.changes))
    desk.presenter.revert("threads")
    desk.backend.gate.set()
    await slow
    assert desk.state.errors == {}
    assert desk.state.shown("threads") == ""


async def test_an_error_goes_when_the_value_came_by_another_way(desk: Desk) -> None:
    desk.backend.refuse(ErrorBody(code=ErrorCode.BACKEND_UNREACHABLE, message="No answer."))
    await desk.presenter.change("threads", "4")
    desk.presenter.event_arrived(SettingsChanged(settings=BackendSettings(threads=3)))
    assert desk.state.errors == {"threads": "No answer."}
    desk.presenter.event_arrived(SettingsChanged(settings=BackendSettings(threads=4)))
    assert desk.state.errors == {}
    assert desk.state.typed == {}


async def test_it_follows_the_engine_and_the_models(desk: Desk) -> None:
    await desk.presenter.build_engine()
    assert desk.state.can_cancel_build
    desk.presenter.event_arrived(EngineChanged(engine=Engine(state=EngineState.READY, version="1")))
    desk.presenter.event_arrived(ModelsChanged(models=()))
    assert desk.state.engine == Engine(state=EngineState.READY, version="1")
    assert desk.state.models == ()
    await desk.presenter.cancel_build()
    assert desk.state.can_build


async def test_a_build_that_cannot_be_started_says_why(desk: Desk) -> None:
    desk.backend.refuse(ErrorBody(code=ErrorCode.BACKEND_UNREACHABLE, message="No answer."))
    await desk.presenter.build_engine()
    assert desk.state.engine_error == "No answer."
    desk.backend.accept()
    await desk.presenter.build_engine()
    assert desk.state.engine_error == ""


async def test_after_a_cut_everything_is_read_again(desk: Desk) -> None:
    desk.presenter.connection_changed(False)
    assert "not connected" in desk.state.locked_because
    desk.backend.kept = BackendSettings(threads=7)
    desk.presenter.connection_changed(True)
    await until(lambda: desk.state.settings == desk.backend.kept)
    assert desk.state.locked_because == ""


async def test_a_backend_that_is_gone_again_leaves_what_is_shown(desk: Desk) -> None:
    desk.backend.refuse(ErrorBody(code=ErrorCode.BACKEND_UNREACHABLE, message="No answer."))
    await desk.presenter.resync()
    assert desk.state.settings == BackendSettings()


async def test_versions_are_found_once(desk: Desk) -> None:
    await desk.presenter.find_versions()
    await desk.presenter.find_versions()
    assert desk.reads == 1
    assert desk.state.about.version == "0.1.0"
