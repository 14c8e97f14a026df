"""Failures of an Ollama server as the errors of this program."""

from __future__ import annotations

import re

from backend_embedded.errors import (
    ContextExceeded,
    ControlCenterError,
    EngineCrashed,
    EngineError,
    InvalidInput,
    ModelLoading,
    ModelNotFound,
    ModelUnsupported,
    NotEnoughMemory,
    QueueFull,
    TimedOut,
)
from backend_embedded.llm.names import OLLAMA_PRODUCT

_NEEDS_MEMORY = re.compile(r"requires more system memory|not enough memory|out of memory", re.IGNORECASE)
_NO_SCHEMA = re.compile(r"invalid (json schema|format)|failed to (parse|load) grammar", re.IGNORECASE)
_TOO_LONG = re.compile(r"exceeds? (the |maximum |available )*context", re.IGNORECASE)
_NOT_ABLE = re.compile(r"does not support (\w+)", re.IGNORECASE)
_LOADING = re.compile(r"\bloading\b", re.IGNORECASE)
LONGEST_TEXT = 300


def refused(status: int, text: str, model: str) -> ControlCenterError:
    """The error for an answer with a status of 400 or more, or for a line `{"error": text}` (status 200).

    Args:
        status: HTTP status.
        text: what the server said.
        model: who was asked.
    """
    said = " ".join(text.split())[:LONGEST_TEXT] or f"status {status}"
    if status == 404:
        return ModelNotFound(
            f"{OLLAMA_PRODUCT} has no model named {model}.",
            remedy="Fetch it, or choose another.",
            model=model,
        )
    if _TOO_LONG.search(said):
        return ContextExceeded(
            f"The prompt does not fit in the context of {model}.",
            remedy="Shorten the conversation, or raise the context size.",
        )
    if _NEEDS_MEMORY.search(said):
        return NotEnoughMemory(f"{OLLAMA_PRODUCT}: {said}", remedy="Choose a smaller model, or free memory.")
    if _NO_SCHEMA.search(said):
        return InvalidInput(f"{OLLAMA_PRODUCT} cannot use this schema: {said}", remedy="Simplify the schema.")
    if able := _NOT_ABLE.search(said):
        return ModelUnsupported(
            f"{model} does not support {able[1]}.", remedy="Choose a model that does.", lacks=able[1]
        )
    if status == 503 and _LOADING.search(said):
        return ModelLoading(
            f"{OLLAMA_PRODUCT} is still loading {model}.", remedy="Try again in a moment.", model=model
        )
    if status == 503:
        return QueueFull(f"{OLLAMA_PRODUCT} has too much to do: {said}", remedy="Try again in a moment.")
    if 400 <= status < 500:
        return InvalidInput(f"{OLLAMA_PRODUCT} refused the request: {said}")
    return EngineCrashed(
        f"{OLLAMA_PRODUCT} failed: {said}", remedy="Look at its log, or start it again.", status=status
    )


def unreachable(url: str, why: str = "") -> EngineError:
    """Nobody answers there."""
    return EngineError(
        f"{OLLAMA_PRODUCT} does not answer at {url}{f' ({why})' if why else ''}.",
        remedy="Start it, or let llama.cpp answer.",
        url=url,
    )


def cut_off(why: str) -> EngineCrashed:
    """The answer ended without its last line."""
    return EngineCrashed(
        f"{OLLAMA_PRODUCT} ended the answer before its end ({why}).",
        remedy="Continue the answer, or ask again.",
    )


def silent(seconds: float) -> TimedOut:
    """No token came in time."""
    return TimedOut(
        f"{OLLAMA_PRODUCT} sent nothing for {seconds:g} seconds.",
        remedy="Wait for it to be less busy, or raise the time in the settings.",
        timeout_s=seconds,
    )
