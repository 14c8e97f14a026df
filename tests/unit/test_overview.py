from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import scripted_overview as content
from scripted_backend import ScriptedBackend

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Figures, State
from ui.overview.presenter import OverviewPresenter
from ui.overview.state import (
    OverviewState,
    ago,
    broken,
    counts_of,
    figure_lines,
    latency_words,
    line_words,
    queue_line,
    row_of,
    rows_of,
)

NOW = datetime(2026, 8, 8, 12, 0, tzinfo=UTC)


def test_rows_stand_in_order_and_say_the_reason_when_not_ok() -> None:
    store, *_ = (content.DOWN,)
    rows = rows_of([content.DEGRADED, content.CAPABILITIES[0], store])
    assert [row.key for row in rows] == ["model", "store", "queue"]
    assert (rows[2].detail, rows[2].tone) == (content.DEGRADED.reason, "degraded")
    assert (rows[0].detail, rows[0].provider) == ("llama.cpp · TinyLlama 1.1B", "In this program")
    better = content.CAPABILITIES[0].model_copy(update={"reason": "RabbitMQ refuses the user guest."})
    assert (row_of(better).detail, row_of(better).tone) == ("RabbitMQ refuses the user guest.", "text2")
    assert rows[1].spoken.startswith("Store, down, PostgreSQL, PostgreSQL at 127.0.0.1:10000")
    assert counts_of([content.DEGRADED, *content.CAPABILITIES[:3]]) == "3 ok, 1 degraded"
    assert broken([content.DEGRADED]) is None
    assert broken([content.DEGRADED, store]) == store


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, ""), (0.012, "0.01 ms"), (4.34, "4.3 ms"), (41.2, "41 ms"), (1234.0, "1.2 s")],
)
def test_latency_has_three_figures_at_most(ms: float | None, words: str) -> None:
    assert latency_words(ms) == words


def test_queues_and_events_in_words() -> None:
    task, result, *_ = content.QUEUES.queues
    assert queue_line(task) == ("Tasks", "12 waiting, 3 under way, 2.4 a second")
    assert queue_line(result) == ("Results", "0 waiting")
    words = [line_words(line) for line in content.lines(NOW)]
    assert words[:4] == [
        "Capability changed: queue", "Model loaded: tinyllama", "Conversation created", "Settings changed"
    ]  # fmt: skip
    times = [timedelta(seconds=59), timedelta(minutes=59), timedelta(hours=23), timedelta(days=3)]
    assert [ago(NOW - one, NOW) for one in times] == ["now", "59 min", "23 h", "3 d"]


class Seen:
    def __init__(self) -> None:
        self.states: list[OverviewState] = []

    def state_changed(self, state: OverviewState) -> None:
        self.states.append(state)


async def test_it_reads_all_and_keeps_what_was_known_when_it_cannot() -> None:
    backend, seen = ScriptedBackend(), Seen()
    backend.capabilities = content.CAPABILITIES
    backend.audit = content.lines(NOW)
    presenter = OverviewPresenter(backend, lambda: NOW)
    presenter.listen(seen)
    await presenter.read()
    assert presenter.state == OverviewState(), "not before it is connected"
    presenter.connection_changed(True)
    await presenter.read()
    assert presenter.state.capabilities == content.CAPABILITIES
    assert presenter.state.queue == content.QUEUES
    assert presenter.state.read_at == NOW
    assert len(presenter.state.lines or ()) == 5
    backend.refuse(ErrorBody(code=ErrorCode.STORAGE_ERROR, message="Full."), "audit_lines")
    await presenter.read()
    assert (presenter.state.failure, presenter.state.busy) == ("Full.", False)
    assert presenter.state.queue == content.QUEUES
    backend.accept()
    await presenter.read()
    assert presenter.state.failure == ""
    assert any(state.busy for state in seen.states)
    await presenter.close()


async def test_capabilities_follow_the_events() -> None:
    backend = ScriptedBackend()
    backend.capabilities = content.CAPABILITIES
    presenter = OverviewPresenter(backend)
    presenter.event_arrived(backend.snapshot())
    presenter.event_arrived(CapabilityChanged(capability=content.DEGRADED))
    states = {one.name: one.state for one in presenter.state.capabilities or ()}
    assert states["queue"] is State.DEGRADED
    assert len(states) == len(content.CAPABILITIES)


def test_figures_are_counted_and_circuits_named() -> None:
    figures = Figures(requests=1284, errors=3, breakers={"queue": "open", "cache": "half_open"})
    assert figure_lines(figures) == [
        ("Requests", "1,284"),
        ("Errors told", "3"),
        ("Calls made again", "0"),
        ("Given up", "0"),
        ("Circuit of cache", "being tried"),
        ("Circuit of queue", "open, not asked for now"),
    ]
