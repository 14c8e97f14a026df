"""Addresses of servers: what is accepted, what a try says, and a move of the data that is followed to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.data import DataWork, JobState
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.contract.status import Capability, State
from ui.settings.service_state import ADDRESS, choice_of, ended_words, job_words, live_words, ok_words
from ui.settings.services import ServicesPresenter
from ui.settings.state import NotAccepted, SettingsState, patch_of

REDIS = "redis://127.0.0.1:6379"
NOW = datetime(2026, 8, 8, 12, 0, tzinfo=UTC)


class Page:
    """The state, and what happens while the presenter sleeps."""

    def __init__(self) -> None:
        self.backend = ScriptedBackend()
        self.state = SettingsState()
        self.slept: list[float] = []
        self.services = ServicesPresenter(self.backend, lambda: self.state, self.change, self.sleep)

    def change(self, **fields: Any) -> None:
        self.state = replace(self.state, **fields)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        done = {"state": JobState.DONE, "target": "PostgreSQL", "kept": "/home/data/old.db"}
        self.backend.job = self.backend.job.model_copy(update=done)


def test_only_addresses_of_the_kind_are_accepted() -> None:
    assert patch_of("cache", f" {REDIS} ").cache == REDIS
    assert patch_of("cache", "auto").cache == "auto"
    assert patch_of("queue", "amqps://user:word@host/").queue == "amqps://user:word@host/"
    assert choice_of(REDIS) == ADDRESS
    assert (choice_of("auto"), choice_of("embedded")) == ("auto", "embedded")
    for text in ("", "http://127.0.0.1", "redis://"):
        with pytest.raises(NotAccepted):
            patch_of("cache", text)
    with pytest.raises(NotAccepted):
        patch_of("queue", REDIS)


def test_words() -> None:
    found = ServiceFound(kind=ServiceKind.CACHE, product="Redis", version="8.0.2", latency_ms=0.03)
    assert ok_words(found) == "Redis 8.0.2 answers in 0.1 ms"
    assert ok_words(found.model_copy(update={"latency_ms": 41.3})) == "Redis 8.0.2 answers in 41 ms"
    assert live_words(None) == "Nothing is known of it yet"
    cache = Capability(
        name="cache",
        state=State.OK,
        provider="embedded",
        product="in-process cache",
        holds="1 value",
        since=NOW,
    )
    assert live_words(cache) == "in-process cache, 1 value"
    refused = cache.model_copy(update={"reason": "Redis at 127.0.0.1:6379 wants a password."})
    assert live_words(refused) == "in-process cache, 1 value. Redis at 127.0.0.1:6379 wants a password."
    job = ScriptedBackend().job
    assert job_words(job) == "Copying messages, 41,200 of 100,000 rows"
    assert ended_words(job) == ""
    cancelled = job.model_copy(update={"state": JobState.CANCELLED})
    assert "nothing was changed" in ended_words(cancelled)
    assert ended_words(cancelled.model_copy(update={"work": DataWork.CHECK})) == ""


async def test_a_try_says_what_answers_or_why_not() -> None:
    page = Page()
    await page.services.test(ServiceKind.CACHE, REDIS)
    assert page.state.trials[ServiceKind.CACHE].passed
    page.backend.refuse(ErrorBody(code=ErrorCode.CACHE_UNAVAILABLE, message="Nobody.", remedy="Start it."))
    await page.services.test(ServiceKind.CACHE, REDIS)
    trial = page.state.trials[ServiceKind.CACHE]
    assert (trial.passed, trial.busy, trial.words) == (False, False, "Nobody. Start it.")
    page.services.forget(ServiceKind.CACHE)
    assert not page.state.trials


async def test_a_move_is_followed_to_its_end() -> None:
    page = Page()
    await page.services.move("postgresql://host/name")
    assert len(page.slept) == 1
    assert page.state.data_job is not None
    assert page.state.data_job.state is JobState.DONE
    assert "/home/data/old.db" in ended_words(page.state.data_job)


async def test_a_refused_or_cancelled_move_says_so() -> None:
    page = Page()
    page.backend.refuse(ErrorBody(code=ErrorCode.CONFLICT, message="There is data."), "move_data")
    await page.services.move("postgresql://host/name")
    assert (page.state.data_job, page.state.data_error) == (None, "There is data.")
    await page.services.cancel()
    assert page.state.data_job is not None
    assert page.state.data_job.state is JobState.CANCELLED
    await page.services.move_back()
    assert page.state.data_error == ""
