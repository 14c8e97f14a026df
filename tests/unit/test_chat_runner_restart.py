"""What the chat says of an answer that waits while the model is being started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from scripted_backend import SCRIPTED_NOW, ScriptedBackend

from backend_embedded.contract.events import ModelsChanged, RunnerExited
from backend_embedded.contract.generation import TextDelta
from backend_embedded.contract.models import Model
from backend_embedded.contract.status import Capability, State
from ui.chat.presenter import ChatPresenter
from ui.chat.state import ended_models

TINY = Model(name="tiny", title="Tiny", provider="llama.cpp", path="/m", size_bytes=1, default=True)
LOADED = TINY.model_copy(update={"loaded": True})
ENDED = RunnerExited(model="tiny", message="killed by signal 9", restart_in_s=0.5)
WAITING = "Sent, waiting for the model"
STARTING = "Sent, the model is being started again"


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the conditions are plain values, not events
            await asyncio.sleep(0)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def presenter(backend: ScriptedBackend) -> AsyncIterator[ChatPresenter]:
    made = ChatPresenter(backend, draft_delay_s=0, clock=lambda: 10.0)
    made.connection_changed(True)
    await until(lambda: made.state.loaded)
    made.event_arrived(ModelsChanged(models=(LOADED,)))
    yield made
    await made.close()


async def asked(presenter: ChatPresenter, backend: ScriptedBackend) -> UUID:
    presenter.spawn(presenter.send("What is a container?"))
    await until(lambda: backend.scripts)
    first = backend.started(backend.add("A"), "What is a container?")
    backend.scripts[-1].put_nowait(first)
    await until(lambda: presenter.state.live)
    return first.answer.id


async def test_it_says_that_the_model_is_being_started_again(
    backend: ScriptedBackend, presenter: ChatPresenter
) -> None:
    answer = await asked(presenter, backend)
    assert presenter.state.live[answer].status_line() == WAITING
    presenter.event_arrived(ENDED)
    presenter.event_arrived(ModelsChanged(models=(TINY,)))
    assert presenter.state.live[answer].status_line() == STARTING
    assert presenter.progress()[answer].status_line() == STARTING
    presenter.event_arrived(ModelsChanged(models=(LOADED,)))
    assert presenter.state.live[answer].status_line() == WAITING


async def test_text_says_more_than_the_end_of_a_runner(
    backend: ScriptedBackend, presenter: ChatPresenter
) -> None:
    answer = await asked(presenter, backend)
    presenter.event_arrived(ENDED)
    backend.scripts[-1].put_nowait(TextDelta(text="A", tokens=1))
    await until(lambda: presenter.state.transcript.messages[-1].text)
    assert presenter.state.live[answer].status_line().startswith("Writing")


async def test_another_model_s_runner_is_none_of_its_business(
    backend: ScriptedBackend, presenter: ChatPresenter
) -> None:
    answer = await asked(presenter, backend)
    presenter.event_arrived(ENDED.model_copy(update={"model": "other"}))
    assert presenter.state.live[answer].status_line() == WAITING


@pytest.mark.parametrize(
    ("state", "model", "ended"),
    [
        (State.DEGRADED, TINY, {"tiny"}),
        (State.DEGRADED, LOADED, set()),
        (State.OK, TINY, set()),
        (State.DOWN, TINY, set()),
    ],
)
def test_a_window_that_comes_later_sees_it_from_the_status(
    state: State, model: Model, ended: set[str]
) -> None:
    capability = Capability(
        name="model", state=state, provider="embedded", product="llama.cpp", since=SCRIPTED_NOW
    )
    assert ended_models((model,), capability) == ended
