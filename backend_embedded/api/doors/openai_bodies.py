"""Bodies of requests to the OpenAI API, field by field as its clients send them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backend_embedded.api.doors.bodies import Body
from backend_embedded.api.doors.ollama_bodies import CallBody, ToolBody


class StreamOptions(Body):
    """What a stream tells beside the answer."""

    include_usage: bool | None = None


class AskingBody(Body):
    """What both kinds of completions share."""

    model: str = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    seed: int | None = None
    stop: str | tuple[str, ...] | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    n: int | None = None
    logit_bias: dict[str, Any] | None = None


class PartBody(Body):
    """A part of a message."""

    type: str = ""
    text: str | None = None


class MessageBody(Body):
    """A message of a chat."""

    role: str
    content: str | tuple[PartBody, ...] | None = None
    name: str | None = None
    tool_calls: tuple[CallBody, ...] | None = None
    tool_call_id: str | None = None


class SchemaBody(Body):
    """A JSON schema with a name."""

    schema_: dict[str, Any] | None = Field(None, alias="schema")


class FormatBody(Body):
    """`response_format`."""

    type: str
    json_schema: SchemaBody | None = None


class ChatBody(AskingBody):
    """Body of `POST /v1/chat/completions`."""

    messages: tuple[MessageBody, ...] = ()
    max_completion_tokens: int | None = None
    response_format: FormatBody | None = None
    tools: tuple[ToolBody, ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)


class CompletionBody(AskingBody):
    """Body of `POST /v1/completions`."""

    prompt: Any = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = Field(None, ge=0, le=20)


class EmbeddingsBody(Body):
    """Body of `POST /v1/embeddings`."""

    model: str = ""
    input: Any = None
    encoding_format: str | None = None
    dimensions: int | None = Field(None, ge=1)
