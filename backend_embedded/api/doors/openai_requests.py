"""Requests of the OpenAI API as prompts of our models."""

from __future__ import annotations

from typing import Any

from backend_embedded.api.doors.failures import BadRequest
from backend_embedded.api.doors.ollama_bodies import CallBody
from backend_embedded.api.doors.ollama_options import JSON_OBJECT, LARGEST_SEED, SMALLEST_TOP_P
from backend_embedded.api.doors.ollama_requests import call_arguments, check_tools
from backend_embedded.api.doors.openai_bodies import (
    AskingBody,
    ChatBody,
    CompletionBody,
    FormatBody,
    MessageBody,
)
from backend_embedded.contract.generation import ChatTurn, Role, SamplingOptions, Tool, ToolCall
from backend_embedded.contract.models import Model
from backend_embedded.llm.port import Prompt

ROLES = {"developer": Role.SYSTEM, "function": Role.TOOL} | {role.value: role for role in Role}


def asked_to_chat(body: ChatBody, model: Model) -> Prompt:
    """What `POST /v1/chat/completions` asks. Raises BadRequest."""
    if not body.messages:
        raise BadRequest("[] is too short - 'messages'", "messages")
    if body.top_logprobs and not body.logprobs:
        raise BadRequest("top_logprobs needs logprobs to be true", "top_logprobs")
    tools = _tools(body)
    check_tools(tools, body.model, model)
    return Prompt(
        turns=tuple(_turn(message, number) for number, message in enumerate(body.messages)),
        model=model.name,
        options=_options(
            body,
            limit=body.max_completion_tokens or body.max_tokens,
            schema=_schema(body.response_format),
            logprobs=bool(body.logprobs),
            top_logprobs=body.top_logprobs or 0,
        ),
        tools=tools,
    )


def asked_to_complete(body: CompletionBody, model: Model) -> Prompt:
    """What `POST /v1/completions` asks. Raises BadRequest."""
    if body.suffix:
        raise BadRequest("suffix is not supported", "suffix")
    if body.echo:
        raise BadRequest("echo is not supported", "echo")
    if body.best_of not in (None, 1):
        raise BadRequest("best_of must be 1", "best_of")
    text = body.prompt
    if isinstance(text, list) and len(text) == 1:
        text = text[0]
    if not isinstance(text, str) or not text:
        raise BadRequest("prompt must be one text", "prompt")
    top = body.logprobs or 0
    options = _options(
        body, limit=body.max_tokens, schema=None, logprobs=body.logprobs is not None, top_logprobs=top
    )
    return Prompt(raw=text, model=model.name, options=options)


def _options(
    body: AskingBody, *, limit: int | None, schema: dict[str, Any] | None, logprobs: bool, top_logprobs: int
) -> SamplingOptions:
    if body.n not in (None, 1):
        raise BadRequest("n must be 1", "n")
    if body.logit_bias:
        raise BadRequest("logit_bias is not supported", "logit_bias")
    if limit is not None and limit < 1:
        raise BadRequest("max_tokens must be at least 1", "max_tokens")
    stop = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
    return SamplingOptions(
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else max(body.top_p, SMALLEST_TOP_P),
        min_p=0.0,
        repeat_penalty=1.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        seed=None if body.seed is None else body.seed % (LARGEST_SEED + 1),
        max_tokens=limit,
        stop=tuple(one for one in stop if one),
        json_schema=schema,
        logprobs=logprobs,
        top_logprobs=top_logprobs,
    )


def _schema(form: FormatBody | None) -> dict[str, Any] | None:
    match form:
        case None | FormatBody(type="text"):
            return None
        case FormatBody(type="json_object"):
            return JSON_OBJECT
        case FormatBody(type="json_schema", json_schema=given) if given is not None and given.schema_:
            return given.schema_
        case FormatBody(type="json_schema"):
            raise BadRequest("Missing required parameter: 'response_format.json_schema'", "response_format")
    raise BadRequest(f"response_format {form.type!r} is not supported", "response_format")


def _tools(body: ChatBody) -> tuple[Tool, ...]:
    match body.tool_choice:
        case None | "auto":
            pass
        case "none":
            return ()
        case _:
            raise BadRequest("tool_choice must be auto or none: a call cannot be forced", "tool_choice")
    found = []
    for tool in body.tools or ():
        if tool.type not in (None, "function") or not tool.function.name:
            raise BadRequest("a tool needs type function and a function with a name", "tools")
        found.append(
            Tool(
                name=tool.function.name,
                description=tool.function.description or "",
                parameters=tool.function.parameters or {},
            )
        )
    return tuple(found)


def _turn(message: MessageBody, number: int) -> ChatTurn:
    role = ROLES.get(message.role)
    if role is None:
        raise BadRequest(f"Invalid value: '{message.role}'", f"messages[{number}].role")
    return ChatTurn(
        role=role,
        content=_text(message, number),
        tool_calls=tuple(_call(call, at) for at, call in enumerate(message.tool_calls or ())),
        tool_name=message.name if role is Role.TOOL else None,
        tool_call_id=message.tool_call_id,
    )


def _text(message: MessageBody, number: int) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    for part in message.content:
        if part.type not in ("text", "input_text", "refusal"):
            raise BadRequest(
                f"content of type {part.type!r} is not supported: this model reads text only",
                f"messages[{number}].content",
            )
    return "".join(part.text or "" for part in message.content)


def _call(call: CallBody, number: int) -> ToolCall:
    return ToolCall(
        id=call.id or f"call{number:05d}",
        name=call.function.name,
        arguments=call_arguments(call.function.arguments),
    )
