"""What the Services section shows of servers and of a move of the data, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.data import DataWork, JobState
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.status import State

if TYPE_CHECKING:
    from backend_embedded.contract.data import DataJob
    from backend_embedded.contract.probes import ServiceFound
    from backend_embedded.contract.status import Capability

AUTO, EMBEDDED, ADDRESS = "auto", "embedded", "address"


@dataclass(frozen=True, slots=True)
class Trial:
    """A try of an address.

    Attributes:
        url: what is or was tried.
        busy: the answer is waited for.
        words: the answer.
        passed: the server let us in.
    """

    url: str
    busy: bool = False
    words: str = ""
    passed: bool = False


def choice_of(setting: str) -> str:
    """`auto`, `embedded` or `address`: what the setting of a server says."""
    return setting if setting in (AUTO, EMBEDDED) else ADDRESS


def ok_words(found: ServiceFound) -> str:
    """`Redis 7.0.15 answers in 0.4 ms`."""
    digits = 0 if found.latency_ms >= 10 else 1
    product = f"{found.product} {found.version}".strip()
    return f"{product} answers in {max(found.latency_ms, 0.1):.{digits}f} ms"


def live_words(capability: Capability | None) -> str:
    """What serves now: `Redis 7.0.15`, or why it is not ok; with what could be better."""
    if capability is None:
        return "Nothing is known of it yet"
    if capability.state is State.OK:
        serves = ", ".join(part for part in (capability.product, capability.holds) if part)
        return f"{serves}. {capability.reason}" if capability.reason else serves
    return capability.reason or capability.product


def job_words(job: DataJob) -> str:
    """`Copying messages, 41,200 of 100,000 rows`."""
    rows = f"{job.done:,} of {job.total:,} rows" if job.total else ""
    return ", ".join(part for part in (job.step, rows) if part)


def rows_in_the_way(job: DataJob | None) -> int:
    """How many rows the database that a move was tried to holds already; 0: that is not what it failed of."""
    if job is None or job.work is not DataWork.MOVE or job.error is None:
        return 0
    rows = job.error.details.get("rows", 0) if job.error.code is ErrorCode.CONFLICT else 0
    return rows if isinstance(rows, int) else 0


def ended_words(job: DataJob | None) -> str:
    """What became of a move that ended; empty while none did."""
    if job is None or job.work not in (DataWork.MOVE, DataWork.BACK):
        return ""
    match job.state:
        case JobState.DONE:
            kept = f" The old file is kept: {job.kept}." if job.kept else ""
            return f"All data was moved to {job.target} and compared.{kept}"
        case JobState.CANCELLED:
            return "The move was cancelled; nothing was changed."
        case _:
            return ""
