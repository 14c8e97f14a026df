"""Requests of the Ollama API as prompts of our models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from backend_embedded.api.doors.failures import BadRequest
from backend_embedded.api.doors.keep_alive import keep_alive_s
from backend_embedded.api.doors.ollama_bodies import (
    AskingBody,
    CallBody,
    ChatBody,
    GenerateBody,
    MessageBody,
    ToolBody,
)
from backend_embedded.api.doors.ollama_options import read_options, sampling, schema_of
from backend_embedded.contract.generation import ChatTurn, Role, SamplingOptions, Tool, ToolCall
from backend_embedded.contract.models import Model
from backend_embedded.llm.port import Prompt

LEVELS = ("low", "medium", "high", "max")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a model: its prompt, or None where it is only to be loaded or unloaded.

    Attributes:
        context_size: tokens that the context is to hold; 0: as set.
    """

    prompt: Prompt | None
    keep_alive_s: float | None
    context_size: int


def asked_to_generate(body: GenerateBody, model: Model) -> Asked:
    """What `POST /api/generate` asks. Raises BadRequest."""
    if body.images:
        raise BadRequest(f'"{body.model}" does not support images', "images")
    if body.suffix:
        raise BadRequest(f'"{body.model}" does not support insert', "suffix")
    if body.raw and (body.template or body.system or body.context):
        raise BadRequest("raw mode does not support template, system, or context")
    if body.template:
        raise BadRequest("template is not supported: the model's own is used", "template")
    if body.context:
        raise BadRequest("context is not supported: send the messages to /api/chat", "context")
    options, keep_s, size = _common(body)
    if not body.prompt:
        return Asked(None, keep_s, size)
    if body.raw:
        return Asked(
            Prompt(raw=body.prompt, model=model.name, options=options, keep_alive_s=keep_s), keep_s, size
        )
    turns: tuple[ChatTurn, ...] = (ChatTurn(role=Role.USER, content=body.prompt),)
    if body.system:
        turns = (ChatTurn(role=Role.SYSTEM, content=body.system), *turns)
    return Asked(Prompt(turns=turns, model=model.name, options=options, keep_alive_s=keep_s), keep_s, size)


def asked_to_chat(body: ChatBody, model: Model) -> Asked:
    """What `POST /api/chat` asks. Raises BadRequest."""
    options, keep_s, size = _common(body)
    if not body.messages:
        return Asked(None, keep_s, size)
    if any(message.images for message in body.messages):
        raise BadRequest(f'"{body.model}" does not support images', "messages")
    tools = tuple(_tool(tool) for tool in body.tools or ())
    check_tools(tools, body.model, model)
    turns = tuple(_turn(message, number) for number, message in enumerate(body.messages))
    prompt = Prompt(
        turns=turns,
        continue_last=turns[-1].role is Role.ASSISTANT and not turns[-1].tool_calls,
        model=model.name,
        options=options,
        tools=tools,
        keep_alive_s=keep_s,
    )
    return Asked(prompt, keep_s, size)


def check_tools(tools: tuple[Tool, ...], name: str, model: Model) -> None:
    """Refuse tools to a model whose template has no place for them. Raises BadRequest."""
    if tools and not model.tools:
        raise BadRequest(f'"{name}" does not support tools', "tools")


def _common(body: AskingBody) -> tuple[SamplingOptions, float | None, int]:
    if isinstance(body.think, str) and body.think not in LEVELS:
        raise BadRequest(
            f'invalid think value: "{body.think}" (must be "high", "medium", "low", "max", true, or false)'
        )
    options = read_options(body.options)
    chosen = sampling(options, schema_of(body.format), body.logprobs, body.top_logprobs)
    return chosen, keep_alive_s(body.keep_alive), options.num_ctx


def _turn(message: MessageBody, number: int) -> ChatTurn:
    try:
        role = Role(message.role)
    except ValueError:
        raise BadRequest(
            f'invalid role: "{message.role}"; must be one of system, user, assistant, tool',
            f"messages.{number}.role",
        ) from None
    return ChatTurn(
        role=role,
        content=message.content or "",
        tool_calls=tuple(_call(call, at) for at, call in enumerate(message.tool_calls or ())),
        tool_name=message.tool_name or (message.name if role is Role.TOOL else None),
        tool_call_id=message.tool_call_id,
    )


def _call(call: CallBody, number: int) -> ToolCall:
    return ToolCall(
        id=call.id or f"call{number:05d}",
        name=call.function.name,
        arguments=call_arguments(call.function.arguments),
    )


def call_arguments(given: dict[str, Any] | str | None) -> dict[str, Any]:
    """The arguments of a call, from an object or its JSON text. Raises BadRequest."""
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except ValueError:
            raise BadRequest("invalid tool call arguments") from None
    if given is not None and not isinstance(given, dict):
        raise BadRequest("invalid tool call arguments")
    return given or {}


def _tool(tool: ToolBody) -> Tool:
    if not tool.function.name:
        raise BadRequest("a tool needs a function with a name", "tools")
    return Tool(
        name=tool.function.name,
        description=tool.function.description or "",
        parameters=tool.function.parameters or {},
    )
