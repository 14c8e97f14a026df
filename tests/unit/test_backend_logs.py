from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from backend_embedded.logs.context import RequestContext, current_request
from backend_embedded.logs.files import logging_to


def written(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.allow_logs("careful", "it broke")
def test_lines_have_the_format_of_the_specification(tmp_path: Path) -> None:
    log = logging.getLogger("test.lines")
    file = tmp_path / "state" / "backend.log"
    with logging_to(file):
        log.info("plain %d", 1)
        token = current_request.set(RequestContext("r", "c", "GET /x"))
        log.warning("careful\nhere", extra={"context": {"duration_ms": 3}})
        current_request.reset(token)
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("it broke")
    plain, careful, broke = written(file)
    assert (plain["level"], plain["service"], plain["message"], plain["correlation_id"]) == (
        "INFO",
        "backend",
        "plain 1",
        "",
    )
    assert str(plain["timestamp"]).endswith("Z")
    assert "error" not in plain
    assert (careful["level"], careful["correlation_id"]) == ("WARN", "c")
    assert careful["context"] == {
        "logger": "test.lines",
        "request_id": "r",
        "endpoint": "GET /x",
        "duration_ms": 3,
    }
    error = broke["error"]
    assert isinstance(error, dict)
    assert (error["type"], error["message"]) == ("ValueError", "bad")
    assert "Traceback" in error["stack_trace"]


def test_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend_embedded.logs.files.FILE_BYTES", 2_000)
    with logging_to(tmp_path / "backend.log"):
        for number in range(200):
            logging.getLogger("test.rotation").info("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 5
    assert all(file.stat().st_size <= 2_000 for file in files)
