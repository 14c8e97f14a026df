"""When the steps of a start were reached, for the benchmarks (`SUTAZAI_TRACE_START=1`)."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path


class StartTrace:
    """Prints `{"trace": step, "ms": since the process began}` on stderr, each step once.

    Args:
        environment: prints nothing unless SUTAZAI_TRACE_START is `1`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._wanted = environment.get("SUTAZAI_TRACE_START") == "1"
        self._reached: set[str] = set()

    def reached(self, step: str) -> None:
        """Tell a step."""
        if not self._wanted or step in self._reached:
            return
        self._reached.add(step)
        sys.stderr.write(json.dumps({"trace": step, "ms": round(_process_age_ms(), 1)}) + "\n")
        sys.stderr.flush()


def _process_age_ms() -> float:
    """Time since the kernel made this process, the import of Python itself included."""
    try:
        fields = (
            Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s) * 1000
    except (OSError, ValueError, AttributeError):
        return time.process_time() * 1000
