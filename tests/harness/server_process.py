"""What the real servers of tests have in common: their packaging, their ports, and that they end with the tests."""

from __future__ import annotations

import ctypes
import importlib.util
import signal
import socket
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1


def packaged(name: str) -> Any:
    """A module of `packaging/`, which is no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def end_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel end this child, by this signal, when the tests are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
