"""Answers of the OpenAI API: whole objects and the chunks of a stream."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from backend_embedded.api.doors.heard import Piece, Whole
from backend_embedded.contract.generation import (
    Finished,
    FinishReason,
    GenerationStats,
    LikelyToken,
    TokenLogprob,
    ToolCall,
)

FINGERPRINT = "fp_sutazai"
DONE = b"data: [DONE]\n\n"


def frame(value: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _now() -> int:
    return int(time.time())


@dataclass(slots=True)
class OpenAiAnswer:
    """Makes the objects of one answer.

    Attributes:
        model: its name as the client wrote it.
        chat: for chat completions; else for plain ones.
        usage: a stream tells the tokens at its end.
    """

    model: str
    chat: bool
    usage: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=_now)
    _begun: bool = False
    _characters: int = 0

    def chunk(self, piece: Piece) -> dict[str, Any]:
        """A chunk with some more text."""
        logprobs = self._logprobs(piece.logprobs)
        if not self.chat:
            return self._chunk({"index": 0, "text": piece.text, "logprobs": logprobs, "finish_reason": None})
        delta: dict[str, Any] = {} if self._begun else {"role": "assistant"}
        self._begun = True
        delta["content"] = piece.text
        if piece.thinking:
            delta["reasoning"] = piece.thinking
        return self._chunk({"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None})

    def ends(self, end: Finished) -> list[dict[str, Any]]:
        """The last chunks: tool calls, why it ended, and the tokens if they were asked for."""
        chunks = []
        reason = finish_reason(end)
        if not self.chat:
            chunks.append(self._chunk({"index": 0, "text": "", "logprobs": None, "finish_reason": reason}))
        else:
            if end.tool_calls:
                delta: dict[str, Any] = {} if self._begun else {"role": "assistant", "content": None}
                delta["tool_calls"] = wire_calls(end.tool_calls, indexed=True)
                chunks.append(
                    self._chunk({"index": 0, "delta": delta, "logprobs": None, "finish_reason": None})
                )
            elif not self._begun:
                chunks.append(self.chunk(Piece("")))
            chunks.append(self._chunk({"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}))
        if self.usage:
            chunks.append(self._object(True) | {"choices": [], "usage": usage(end.stats)})
        return chunks

    def whole(self, heard: Whole) -> dict[str, Any]:
        """The answer in one object."""
        logprobs = self._logprobs(heard.logprobs)
        choice: dict[str, Any] = {"index": 0}
        if self.chat:
            message: dict[str, Any] = {"role": "assistant", "content": heard.text}
            if heard.thinking:
                message["reasoning"] = heard.thinking
            if heard.end.tool_calls:
                message["content"] = heard.text or None
                message["tool_calls"] = wire_calls(heard.end.tool_calls)
            choice["message"] = message
        else:
            choice["text"] = heard.text
        choice |= {"logprobs": logprobs, "finish_reason": finish_reason(heard.end)}
        return self._object(False) | {"choices": [choice], "usage": usage(heard.end.stats)}

    def _chunk(self, choice: dict[str, Any]) -> dict[str, Any]:
        chunk = self._object(True) | {"choices": [choice]}
        return chunk | {"usage": None} if self.usage else chunk

    def _object(self, streamed: bool) -> dict[str, Any]:
        kind = "text_completion" if not self.chat else "chat.completion"
        return {
            "id": f"{'chatcmpl' if self.chat else 'cmpl'}-{self.id}",
            "object": f"{kind}.chunk" if self.chat and streamed else kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }

    def _logprobs(self, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        if not tokens:
            return None
        if self.chat:
            return {"content": [_chosen(token) for token in tokens], "refusal": None}
        offsets = []
        for token in tokens:
            offsets.append(self._characters)
            self._characters += len(token.text)
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [{one.text: one.logprob for one in token.top} for token in tokens],
            "text_offset": offsets,
        }


def finish_reason(end: Finished) -> str:
    """Why an answer ended, in OpenAI's words."""
    if end.tool_calls:
        return "tool_calls"
    return "length" if end.stats.finish_reason is FinishReason.LENGTH else "stop"


def usage(stats: GenerationStats) -> dict[str, Any]:
    """The tokens of an answer."""
    return {
        "prompt_tokens": stats.prompt_tokens,
        "completion_tokens": stats.completion_tokens,
        "total_tokens": stats.prompt_tokens + stats.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": stats.cached_tokens},
    }


def wire_calls(calls: Sequence[ToolCall], *, indexed: bool = False) -> list[dict[str, Any]]:
    """Tool calls as OpenAI tells them: the arguments are a JSON text."""
    return [
        ({"index": number} if indexed else {})
        | {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
        }
        for number, call in enumerate(calls)
    ]


def _chosen(token: TokenLogprob) -> dict[str, Any]:
    return _likely(token) | {"top_logprobs": [_likely(other) for other in token.top]}


def _likely(token: LikelyToken) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.bytes)}
