"""Bodies of requests to the Ollama API, field by field as its clients send them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backend_embedded.api.doors.bodies import Body


class AskingBody(Body):
    """What generate and chat share."""

    model: str = ""
    stream: bool | None = None
    format: Any = None
    keep_alive: Any = None
    options: dict[str, Any] | None = None
    think: bool | str | None = None
    truncate: bool | None = None
    shift: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class GenerateBody(AskingBody):
    """Body of `POST /api/generate`."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: tuple[int, ...] | None = None
    raw: bool | None = None
    images: tuple[str, ...] | None = None


class CalledFunction(Body):
    """The function of a tool call."""

    name: str = ""
    arguments: dict[str, Any] | str | None = None


class CallBody(Body):
    """A tool call in a message."""

    id: str | None = None
    function: CalledFunction = CalledFunction()


class MessageBody(Body):
    """A message of a chat."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: tuple[str, ...] | None = None
    tool_calls: tuple[CallBody, ...] | None = None
    tool_name: str | None = None
    name: str | None = None
    tool_call_id: str | None = None


class FunctionBody(Body):
    """The function of a tool."""

    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(Body):
    """A tool that the model may ask for."""

    type: str | None = None
    function: FunctionBody = FunctionBody()


class ChatBody(AskingBody):
    """Body of `POST /api/chat`."""

    messages: tuple[MessageBody, ...] | None = None
    tools: tuple[ToolBody, ...] | None = None


class NameBody(Body):
    """Body of show, pull and delete; `name` is the older field."""

    model: str = ""
    name: str = ""
    stream: bool | None = None
    verbose: bool | None = None
    insecure: bool | None = None

    @property
    def wanted(self) -> str:
        """The name that was given."""
        return self.model or self.name


class CopyBody(Body):
    """Body of `POST /api/copy`."""

    source: str = ""
    destination: str = ""


class EmbedBody(Body):
    """Body of `POST /api/embed`."""

    model: str = ""
    input: str | tuple[str, ...] | None = None
    truncate: bool | None = None
    dimensions: int | None = Field(None, ge=0)
    options: dict[str, Any] | None = None
    keep_alive: Any = None


class OldEmbedBody(Body):
    """Body of `POST /api/embeddings`."""

    model: str = ""
    prompt: str = ""
    options: dict[str, Any] | None = None
    keep_alive: Any = None
