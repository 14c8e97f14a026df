"""Answers of the Ollama API: its JSON objects, with the fields that are zero left out where it does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from backend_embedded.api.doors.heard import Piece
from backend_embedded.contract.generation import (
    Finished,
    FinishReason,
    GenerationStats,
    TokenLogprob,
    ToolCall,
)

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def now_text() -> str:
    """This moment in RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def line(value: dict[str, Any]) -> bytes:
    """One line of NDJSON."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True, slots=True)
class OllamaAnswer:
    """Makes the lines of one answer.

    Attributes:
        model: its name as the client wrote it.
        chat: for `/api/chat`; else for `/api/generate`.
        began_s: monotonic time of the request.
    """

    model: str
    chat: bool
    began_s: float

    def piece(self, piece: Piece) -> dict[str, Any]:
        """A line with some more text."""
        return self._line(False, piece.text, piece.thinking) | _logprobs(piece.logprobs)

    def calls(self, calls: Sequence[ToolCall]) -> dict[str, Any]:
        """The line with the tools that the model asks for."""
        return self._line(False, "", "", calls)

    def end(self, end: Finished, text: str = "", thinking: str = "") -> dict[str, Any]:
        """The last line of a stream; with `text` the whole answer in one."""
        reason = "length" if end.stats.finish_reason is FinishReason.LENGTH else "stop"
        return self._line(True, text, thinking) | {"done_reason": reason} | self._figures(end.stats)

    def whole(
        self, end: Finished, text: str, thinking: str, logprobs: Sequence[TokenLogprob]
    ) -> dict[str, Any]:
        """The whole answer in one object."""
        answer = self.end(end, text, thinking)
        if self.chat and end.tool_calls:
            answer["message"]["tool_calls"] = wire_calls(end.tool_calls)
        return answer | _logprobs(logprobs)

    def loaded(self, reason: str) -> dict[str, Any]:
        """The answer to a request that only loads or unloads."""
        return self._line(True, "", "") | {"done_reason": reason}

    def _line(self, done: bool, text: str, thinking: str, calls: Sequence[ToolCall] = ()) -> dict[str, Any]:
        answer: dict[str, Any] = {"model": self.model, "created_at": now_text()}
        told: dict[str, Any] = {"thinking": thinking} if thinking else {}
        if self.chat:
            answer["message"] = {"role": "assistant", "content": text} | told
            if calls:
                answer["message"]["tool_calls"] = wire_calls(calls)
        else:
            answer |= {"response": text} | told
        answer["done"] = done
        return answer

    def _figures(self, stats: GenerationStats) -> dict[str, int]:
        total_ms = (time.monotonic() - self.began_s) * 1_000
        load_ms = max(0.0, total_ms - stats.queue_ms - stats.prompt_ms - stats.decode_ms)
        figures = {
            "total_duration": round(total_ms * NS_PER_MS),
            "load_duration": round(load_ms * NS_PER_MS),
            "prompt_eval_count": stats.prompt_tokens,
            "prompt_eval_duration": round(stats.prompt_ms * NS_PER_MS),
            "eval_count": stats.completion_tokens,
            "eval_duration": round(stats.decode_ms * NS_PER_MS),
        }
        return {name: value for name, value in figures.items() if value}


def wire_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Tool calls as Ollama tells them."""
    return [
        {"id": call.id, "function": {"index": number, "name": call.name, "arguments": call.arguments}}
        for number, call in enumerate(calls)
    ]


def _logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    if not tokens:
        return {}
    return {
        "logprobs": [
            _token(token) | ({"top_logprobs": [_token(other) for other in token.top]} if token.top else {})
            for token in tokens
        ]
    }


def _token(token: Any) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.bytes)}
