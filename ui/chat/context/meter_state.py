"""Where the tokens of the context go, in parts and words; it knows neither Qt nor the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.context import ContextPolicy
from ui.chat import words

if TYPE_CHECKING:
    from backend_embedded.contract.context import ContextUse

NEARLY_FULL = 0.85
GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True)
class MeterPart:
    """One stretch of the bar."""

    name: str
    token: str
    """Colour token."""
    tokens: int


@dataclass(frozen=True)
class PolicyChoice:
    """One way to make it fit.

    Attributes:
        policy: which one.
        title: verb first.
        line: what it means here, with its numbers.
        usable: it would help here.
    """

    policy: ContextPolicy
    title: str
    line: str
    usable: bool = True


def parts(use: ContextUse) -> tuple[MeterPart, ...]:
    """The stretches from left to right."""
    return (
        MeterPart("System prompt", "s6", use.system),
        MeterPart("History", "s1", use.history),
        MeterPart("Attachments", "s3", use.attachments),
        MeterPart("Question", "s2", use.question),
        MeterPart("Template", "s8", use.overhead),
        MeterPart("Room for the answer", "disabled", use.room),
    )


def level(use: ContextUse) -> str:
    """Colour token of the words: quiet, `degraded` when nearly full, `down` when it does not fit."""
    if not use.fits:
        return "down"
    return "degraded" if use.prompt >= NEARLY_FULL * use.size else "text3"


def summary(use: ContextUse) -> str:
    """`940 of 2,048 tokens`, with `about` when the count is estimated."""
    about = "" if use.exact else "about "
    return f"{about}{words.grouped(use.prompt)} of {words.counted(use.size, 'token')}"


def overflow(use: ContextUse) -> str:
    """By how much it does not fit."""
    over = max(1, use.prompt - use.size + 1)
    about = "" if use.exact else "about "
    return (
        f"The prompt has {about}{words.counted(use.prompt, 'token')}; the context holds "
        f"{words.grouped(use.size)}, the answer included. That is {words.grouped(over)} too many."
    )


def memory(size_bytes: int) -> str:
    """`96 MiB`, `1.2 GiB`."""
    if size_bytes >= GIB:
        return f"{size_bytes / GIB:.1f} GiB"
    return f"{max(1, round(size_bytes / MIB))} MiB"


def choices(use: ContextUse) -> tuple[PolicyChoice, ...]:
    """The ways to make it fit, with their cost here."""
    dropped = words.counted(use.droppable, "turn")
    if use.enlarged_size:
        size, cost = words.counted(use.enlarged_size, "token"), memory(use.enlarged_bytes)
        enlarge = f"To {size}; needs {cost} more memory and loads the model again."
    else:
        enlarge = f"Cannot help: {use.model} holds {words.counted(use.largest, 'token')} at most."
    return (
        PolicyChoice(
            ContextPolicy.DROP_OLDEST,
            "Drop the oldest",
            f"Leaves {dropped} out, and says so."
            if use.droppable
            else "Cannot help: there is nothing to drop.",
            use.droppable > 0,
        ),
        PolicyChoice(
            ContextPolicy.SUMMARIZE,
            "Summarise the middle",
            "The model writes a summary, which is kept and can be edited.",
            use.droppable > 0,
        ),
        PolicyChoice(ContextPolicy.ENLARGE, "Enlarge the context", enlarge, use.enlarged_size > 0),
        PolicyChoice(ContextPolicy.ASK, "Ask each time", "Nothing is left out; the question waits here."),
    )


POLICY_WORDS = {
    ContextPolicy.ASK: "Ask each time",
    ContextPolicy.DROP_OLDEST: "Drop the oldest turns",
    ContextPolicy.SUMMARIZE: "Summarise the middle",
    ContextPolicy.ENLARGE: "Enlarge the context",
}
