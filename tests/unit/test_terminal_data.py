"""The line that tells how far a job with the data is."""

from __future__ import annotations

from datetime import UTC, datetime

from app.terminal_data import progress_line
from backend_embedded.contract.data import DataJob, DataWork


def test_a_job_is_shown_with_its_share_and_what_is_done() -> None:
    job = DataJob(work=DataWork.MOVE, began_at=datetime.now(UTC))
    assert progress_line(job) == f"[{'.' * 24}]  "
    half = job.model_copy(update={"done": 50, "total": 100, "step": "copying tasks"})
    assert progress_line(half) == f"[{'#' * 12}{'.' * 12}]  50 % copying tasks"
    whole = half.model_copy(update={"done": 100})
    assert progress_line(whole) == f"[{'#' * 24}] 100 % copying tasks"
