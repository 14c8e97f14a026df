"""Errors of the chat page in words: what happened, why, what was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.models import BuildFailure
from ui.chat import words

if TYPE_CHECKING:
    from backend_embedded.contract.conversations import Message
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.models import Engine

WHILE_ANSWERING = {
    ErrorCode.ENGINE_CRASHED: "The model runner stopped while it was answering",
    ErrorCode.BACKEND_UNREACHABLE: "The connection to the backend was lost during the answer",
    ErrorCode.NOT_ENOUGH_MEMORY: "Memory ran out during the answer",
    ErrorCode.CONTEXT_EXCEEDED: "The conversation is longer than the model's context",
    ErrorCode.TIMED_OUT: "The answer took too long",
}
BEFORE_ANSWERING = {
    ErrorCode.BACKEND_UNREACHABLE: "The backend cannot be reached",
    ErrorCode.CONTEXT_EXCEEDED: "The conversation is longer than the model's context",
    ErrorCode.ENGINE_MISSING: "There is no local engine yet",
    ErrorCode.ENGINE_CRASHED: "The model runner stopped",
    ErrorCode.ENGINE_ERROR: "The local engine cannot answer",
    ErrorCode.MODEL_NOT_FOUND: "The model was not found",
    ErrorCode.MODEL_FILE_INVALID: "The model's file cannot be read",
    ErrorCode.MODEL_UNSUPPORTED: "The engine does not know this model",
    ErrorCode.MODEL_LOADING: "The model is still being loaded",
    ErrorCode.NOT_ENOUGH_MEMORY: "There is too little memory for this model",
    ErrorCode.QUEUE_FULL: "Too many answers are waiting",
    ErrorCode.STORAGE_UNAVAILABLE: "The store of conversations cannot be reached",
    ErrorCode.NOT_FOUND: "It is not there any more",
    ErrorCode.CONFLICT: "Another answer is being written here",
}
BUILD_FAILURES = {
    BuildFailure.NO_COMPILER: "No C++ compiler was found",
    BuildFailure.NO_CMAKE: "CMake was not found",
    BuildFailure.DISK_FULL: "The disk is full",
    BuildFailure.NO_SOURCE: "The engine's source could not be fetched",
    BuildFailure.CANCELLED: "The build was cancelled",
    BuildFailure.OTHER: "The engine could not be built",
}

BUILT_ONCE = "llama.cpp is built once for this machine; that takes a few minutes."


@dataclass(frozen=True)
class Failure:
    """Title and lines of an error card."""

    title: str
    lines: tuple[str, ...]


def of_answer(message: Message) -> Failure:
    """Why an answer is incomplete, and what was kept of it."""
    error = message.error
    kept = "The text above is kept." if message.text else "No text had come yet."
    if error is None:
        return Failure("The answer was cut off", (kept,))
    title = WHILE_ANSWERING.get(error.code) or BEFORE_ANSWERING.get(
        error.code, "The answer could not be finished"
    )
    lines = (why(error), " ".join(part for part in (kept, error.remedy) if part))
    return Failure(title, tuple(line for line in lines if line))


def of_request(error: ErrorBody) -> Failure:
    """Why something that was asked for did not happen."""
    title = BEFORE_ANSWERING.get(error.code, "That did not work")
    return Failure(title, tuple(line for line in (why(error), error.remedy or "") if line))


def why(error: ErrorBody) -> str:
    """What happened, with numbers as people read them where the error brings them along."""
    match error.code, error.details:
        case ErrorCode.CONTEXT_EXCEEDED, {"prompt_tokens": int(prompt), "context_size": int(room)}:
            holds = f"the context holds {words.grouped(room)}, the answer included"
            return f"The prompt has {words.counted(prompt, 'token')}; {holds}."
        case _:
            return error.message


def of_build(engine: Engine) -> Failure:
    """Why there is no engine; the last lines of its build where nothing else says it."""
    title = BUILD_FAILURES[engine.failure] if engine.failure else "There is no local engine yet"
    tail = engine.log_tail[-4:] if engine.failure is BuildFailure.OTHER or not engine.message else ()
    lines: tuple[str, ...] = (engine.message or BUILT_ONCE,)
    if engine.failure is not None:
        lines = (engine.message, *tail, "Your chats are kept; everything but local answers goes on working.")
    return Failure(title, tuple(line for line in lines if line))
