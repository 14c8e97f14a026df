from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import scripted_overview as content
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scripted_backend import ScriptedBackend
from window_stage import shows

from backend_embedded.contract.events import CapabilityChanged
from ui.overview.page import OverviewPage
from ui.overview.presenter import OverviewPresenter
from ui.theme import ThemeSource, load_tokens

NOW = datetime(2026, 8, 8, 12, 0, tzinfo=UTC)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
            QApplication.processEvents()


@pytest.fixture
def backend() -> ScriptedBackend:
    made = ScriptedBackend()
    made.capabilities = content.CAPABILITIES
    made.audit = content.lines(NOW)
    return made


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
async def page(
    qtbot: QtBot, qapp: QApplication, backend: ScriptedBackend, opened: list[str]
) -> AsyncIterator[OverviewPage]:
    presenter = OverviewPresenter(backend, lambda: NOW)
    made = OverviewPage(
        presenter, ThemeSource(load_tokens(), "light"), open_setting=opened.append, now=lambda: NOW
    )
    qtbot.addWidget(made)
    made.resize(1104, 774)
    made.show()
    yield made
    await presenter.close()


async def test_it_is_read_when_the_connection_is_there(page, backend) -> None:
    assert page.waiting.isVisible()
    page._presenter.event_arrived(backend.snapshot())
    await until(lambda: shows(page, "12 waiting, 3 under way, 2.4 a second"))
    assert not page.waiting.isVisible()
    assert list(page.table.rows) == ["model", "store", "cache", "queue", "events"]
    assert shows(page, "Model loaded: tinyllama")
    assert shows(page, "To be published")
    assert page.counts.text() == "5 ok"
    assert not page.band.isVisible()


async def test_what_is_down_has_a_band_and_its_row_the_reason(page, backend) -> None:
    page._presenter.event_arrived(backend.snapshot())
    kept = page.table.rows["store"]
    page._presenter.event_arrived(CapabilityChanged(capability=content.DOWN))
    assert page.band.isVisible()
    assert page.band_title.text() == "Store is down"
    assert page.table.rows["store"] is kept, "the keyboard stays where it is"
    assert kept.detail.whole_text() == content.DOWN.reason
    assert "down" in kept.accessibleName()
    page._presenter.event_arrived(CapabilityChanged(capability=content.CAPABILITIES[1]))
    assert not page.band.isVisible()


async def test_a_row_leads_to_its_setting_by_mouse_and_keyboard(page, backend, opened, qtbot) -> None:
    page._presenter.event_arrived(backend.snapshot())
    qtbot.mouseClick(page.table.rows["queue"], Qt.MouseButton.LeftButton)
    qtbot.keyClick(page.table.rows["model"], Qt.Key.Key_Return)
    qtbot.keyClick(page.table.rows["events"], Qt.Key.Key_Space)
    assert opened == ["services", "providers"]


async def test_without_a_connection_it_says_that_it_is_old(page, backend) -> None:
    page._presenter.event_arrived(backend.snapshot())
    await until(lambda: shows(page, "Read at"))
    page._presenter.connection_changed(False)
    assert shows(page, "this is what was known last")
    assert not page.refresh.isEnabled()
    assert page.table.rows
