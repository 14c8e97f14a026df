"""The local engine in words: its state, how far its build is, and why a build failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.models import BuildFailure, EngineState

if TYPE_CHECKING:
    from backend_embedded.contract.models import Engine

FAILURES = {
    BuildFailure.NO_COMPILER: (
        "No C++ compiler was found",
        "Install one, for example with: sudo apt install build-essential. Then build again.",
    ),
    BuildFailure.NO_CMAKE: (
        "CMake was not found",
        "Install it, for example with: sudo apt install cmake. Then build again.",
    ),
    BuildFailure.DISK_FULL: (
        "The disk is full",
        "The build needs about 0.9 GB. Free some space, then build again.",
    ),
    BuildFailure.NO_SOURCE: (
        "The engine's source could not be fetched",
        "It is fetched once, and there is no copy on this machine yet. Connect to the network, then build again.",
    ),
    BuildFailure.CANCELLED: (
        "The build was cancelled",
        "Nothing was changed. Build again whenever you want.",
    ),
    BuildFailure.OTHER: (
        "The engine could not be built",
        "The last lines below say where it ended.",
    ),
}
KEPT = "Everything but local answers goes on working."


@dataclass(frozen=True, slots=True)
class EngineWords:
    """The engine's state in a glyph, a title and a line."""

    glyph: str
    title: str
    line: str


def of_engine(engine: Engine | None) -> EngineWords:
    """The state in words, also of a failed build."""
    if engine is None:
        return EngineWords("off", "Looking for the local engine", "The backend is starting.")
    match engine.state:
        case EngineState.READY:
            version = f"llama.cpp {engine.version}".strip()
            return EngineWords("ok", "Ready", f"{version}, built for this machine.")
        case EngineState.MISSING:
            line = "llama.cpp is built once for this machine; that takes 5 to 6 minutes on 2 cores."
            return EngineWords("off", "Not built yet", line)
        case EngineState.BUILDING:
            return EngineWords("degraded", "Building the local engine", build_progress(engine))
        case EngineState.FAILED:
            title, remedy = FAILURES[engine.failure or BuildFailure.OTHER]
            return EngineWords("down", title, engine.message or remedy)


def build_progress(engine: Engine) -> str:
    """For example `Compiling, 41 of 186 steps, 1 min 12 s`."""
    phase = (engine.phase or "preparing").capitalize()
    steps = f"{engine.step:,} of {engine.steps:,} steps" if engine.steps else ""
    return ", ".join(part for part in (phase, steps, elapsed(engine.elapsed_s)) if part)


def elapsed(seconds: float) -> str:
    """For example `48 s` or `1 min 52 s`; empty below a second."""
    whole = int(seconds)
    if whole < 1:
        return ""
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def build_share(engine: Engine) -> float | None:
    """Share of the steps that are done; None while their number is unknown."""
    return engine.step / engine.steps if engine.steps else None
