"""What an Ollama server is asked and what it answers, in the words of the wire contract.

Source of the fields: Ollama's `docs/api.md` and `api/types.go`; durations there are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from backend_embedded.contract.generation import (
    ChatTurn,
    FinishReason,
    GenerationStats,
    LikelyToken,
    SamplingOptions,
    TokenLogprob,
    Tool,
    ToolCall,
)
from backend_embedded.contract.models import Model, ModelSource
from backend_embedded.llm.names import OLLAMA, short_name

NS_PER_MS = 1_000_000


def sampling(options: SamplingOptions, seed: int) -> dict[str, Any]:
    """Ollama's `options` for how tokens are chosen; it has no grammars."""
    return {
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "min_p": options.min_p,
        "repeat_penalty": options.repeat_penalty,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
        "repeat_last_n": options.repeat_last_n,
        "seed": seed,
        "num_predict": options.max_tokens if options.max_tokens is not None else -1,
        **({"stop": list(options.stop)} if options.stop else {}),
    }


def messages(turns: Sequence[ChatTurn]) -> list[dict[str, Any]]:
    """Turns as Ollama's chat messages."""
    return [_message(turn) for turn in turns]


def _message(turn: ChatTurn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role.value, "content": turn.content}
    calls: tuple[ToolCall, ...] = getattr(turn, "tool_calls", ())
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in calls
        ]
    for field in ("tool_name", "tool_call_id"):
        if value := getattr(turn, field, None):
            message[field] = value
    return message


def outside_reference(schema: Any) -> str | None:
    """A `$ref` of a schema to somewhere outside it, which Ollama would ignore in silence; None: there is none."""
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return reference
        return next((found for value in schema.values() if (found := outside_reference(value))), None)
    if isinstance(schema, list | tuple):
        return next((found for value in schema if (found := outside_reference(value))), None)
    return None


def tool_definitions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools in the form that Ollama shares with OpenAI."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters or {"type": "object", "properties": {}},
            },
        }
        for tool in tools
    ]


def tool_calls(line: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """The calls that a line of a chat asks for."""
    message = line.get("message") or {}
    return tuple(
        ToolCall(
            id=call.get("id") or f"call_{uuid4().hex[:8]}",
            name=call["function"]["name"],
            arguments=call["function"].get("arguments") or {},
        )
        for call in message.get("tool_calls") or ()
    )


def text_of(line: Mapping[str, Any]) -> tuple[str, str]:
    """What a line of a chat or a completion adds: to the thinking, and to the answer."""
    message = line.get("message")
    if message is not None:
        return message.get("thinking") or "", message.get("content") or ""
    return line.get("thinking") or "", line.get("response") or ""


def logprobs(line: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """The log probabilities of a line's tokens; empty when the server gives none."""
    return tuple(
        TokenLogprob(
            **_likely(token).model_dump(),
            top=tuple(_likely(other) for other in token.get("top_logprobs") or ()),
        )
        for token in line.get("logprobs") or ()
    )


def _likely(token: Mapping[str, Any]) -> LikelyToken:
    text = token.get("token") or ""
    data = token.get("bytes")
    return LikelyToken(
        text=text, bytes=tuple(data if data is not None else text.encode()), logprob=token["logprob"]
    )


def stats(line: Mapping[str, Any], model: Model, seed: int, ttft_ms: float, pieces: int) -> GenerationStats:
    """What the last line of an answer tells.

    Args:
        line: the one that says `done`.
        ttft_ms: measured here: request sent to first piece.
        pieces: pieces that came, for a server that does not tell its count.

    How long it waited in the server's queue is not told; it is a part of `ttft_ms`.
    """
    tokens = line.get("eval_count") or pieces
    prompt_ms, decode_ms = _ms(line, "prompt_eval_duration"), _ms(line, "eval_duration")
    return GenerationStats(
        provider=OLLAMA,
        model=model.name,
        quantization=model.quantization,
        prompt_tokens=line.get("prompt_eval_count") or 0,
        completion_tokens=tokens,
        prompt_ms=min(prompt_ms, ttft_ms) if ttft_ms else prompt_ms,
        ttft_ms=ttft_ms,
        decode_ms=decode_ms,
        tokens_per_s=tokens / decode_ms * 1_000 if decode_ms > 0 else 0.0,
        seed=seed,
        finish_reason=FinishReason.LENGTH if line.get("done_reason") == "length" else FinishReason.STOP,
    )


def _ms(line: Mapping[str, Any], name: str) -> float:
    return (line.get(name) or 0) / NS_PER_MS


def model(listed: Mapping[str, Any], shown: Mapping[str, Any]) -> Model:
    """A model as `/api/tags` lists it and `/api/show` describes it (empty while that is not known)."""
    details = shown.get("details") or listed.get("details") or {}
    info = shown.get("model_info") or {}
    capabilities = shown.get("capabilities") or ()
    architecture = str(info.get("general.architecture") or details.get("family") or "")
    name = short_name(listed["model"] if listed.get("model") else listed["name"])
    return Model(
        name=name,
        title=name,
        provider=OLLAMA,
        path="",
        size_bytes=listed.get("size") or 0,
        architecture=architecture,
        quantization=details.get("quantization_level") or "",
        parameters=int(info.get("general.parameter_count") or 0),
        context_length=int(info.get(f"{architecture}.context_length") or 0),
        license=_license(info, shown),
        source=ModelSource.OLLAMA,
        embeds=bool(capabilities) and "completion" not in capabilities and "embedding" in capabilities,
        tools="tools" in capabilities,
    )


def _license(info: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """Its short name, or the first line of its text."""
    short = info.get("general.license")
    if short:
        return str(short)
    lines = str(shown.get("license") or "").strip().splitlines()
    return lines[0].strip()[:80] if lines else ""
