"""Tries addresses of servers, and moves the data from one database to another and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.data import JobState, MoveRequest
from backend_embedded.contract.probes import ServiceTest
from ui.client.port import ClientError
from ui.settings.service_state import Trial, ok_words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend_embedded.contract.data import DataJob
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.probes import ServiceKind
    from ui.settings.port import ServicesBackend
    from ui.settings.state import SettingsState

LOOK_AGAIN_S = 0.25


class ServicesPresenter:
    """The part of the settings' presenter that is about servers; knows no Qt.

    Args:
        backend: what tries and moves.
        state: the page's state now.
        change: gives some fields of the state other values.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        backend: ServicesBackend,
        state: Callable[[], SettingsState],
        change: Callable[..., None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._backend = backend
        self._state = state
        self._change = change
        self._sleep = sleep
        self._target = ""

    async def test(self, kind: ServiceKind, url: str) -> None:
        """Try an address; the answer stands beside the field until the next try."""
        self._tried(kind, Trial(url, busy=True))
        try:
            found = await self._backend.test_service(ServiceTest(kind=kind, url=url))
        except ClientError as error:
            trial = Trial(url, words=_words(error.body))
        else:
            trial = Trial(url, words=ok_words(found), passed=True)
        current = self._state().trials.get(kind)
        if current is not None and current.url == url:
            self._tried(kind, trial)

    def forget(self, kind: ServiceKind) -> None:
        """Another address is typed: what was found at the old one says nothing of it."""
        if kind in self._state().trials:
            self._change(trials={key: t for key, t in self._state().trials.items() if key != kind})

    async def move(self, url: str) -> None:
        """Copy all data to PostgreSQL and use that from then on; follows the job to its end."""
        self._target = url
        await self._follow(lambda: self._backend.move_data(MoveRequest(url=url)))

    async def replace(self) -> None:
        """Move to where it was tried last, and let go of what that database holds."""
        request = MoveRequest(url=self._target, replace=True)
        await self._follow(lambda: self._backend.move_data(request))

    def keep(self) -> None:
        """Leave that database as it is."""
        self._change(data_job=None, data_error="")

    async def move_back(self) -> None:
        """Copy all data into the file of the home again; follows the job to its end."""
        await self._follow(self._backend.move_data_back)

    async def cancel(self) -> None:
        """Have the job leave everything as it was."""
        try:
            self._change(data_job=await self._backend.cancel_data_job())
        except ClientError as error:
            self._change(data_error=_words(error.body))

    async def _follow(self, begin: Callable[[], Awaitable[DataJob]]) -> None:
        try:
            job = await begin()
            self._change(data_job=job, data_error="")
            while job.state is JobState.RUNNING:
                await self._sleep(LOOK_AGAIN_S)
                job = await self._backend.data_job()
                self._change(data_job=job)
        except ClientError as error:
            self._change(data_job=None, data_error=_words(error.body))
        else:
            self._change(data_error="" if job.error is None else _words(job.error))

    def _tried(self, kind: ServiceKind, trial: Trial) -> None:
        fields: dict[str, Any] = {"trials": {**self._state().trials, kind: trial}}
        self._change(**fields)


def _words(error: ErrorBody) -> str:
    return " ".join(part for part in (error.message, error.remedy) if part)
