"""The Ollama API: answers and vectors; its models are in `ollama_models`."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from backend_embedded.api.doors.bodies import lift_time_limit, read_body
from backend_embedded.api.doors.embedding import shortened
from backend_embedded.api.doors.failures import BadRequest, failure_body
from backend_embedded.api.doors.heard import pieces, whole
from backend_embedded.api.doors.keep_alive import keep_alive_s
from backend_embedded.api.doors.names import find_model
from backend_embedded.api.doors.ollama_answers import NS_PER_S, OllamaAnswer, line
from backend_embedded.api.doors.ollama_bodies import (
    AskingBody,
    ChatBody,
    EmbedBody,
    GenerateBody,
    OldEmbedBody,
)
from backend_embedded.api.doors.ollama_options import read_options
from backend_embedded.api.doors.ollama_requests import Asked, asked_to_chat, asked_to_generate
from backend_embedded.api.doors.paths import Door
from backend_embedded.api.streams import EventStreamResponse, while_listening
from backend_embedded.contract.generation import Finished, SamplingOptions
from backend_embedded.contract.models import Model, ModelSource
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.services import Services

JSON = "application/json; charset=utf-8"
NDJSON = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}


def routes(services: Services) -> APIRouter:
    """The routes that ask a model."""
    router = APIRouter(include_in_schema=False)

    @router.post("/api/generate")
    async def generate(request: Request) -> Response:
        body = await read_body(request, GenerateBody)
        model = await find_model(services.model, body.model)
        await check_thinking(services, body, model)
        return await _answered(services, request, body, asked_to_generate(body, model), chat=False)

    @router.post("/api/chat")
    async def chat(request: Request) -> Response:
        body = await read_body(request, ChatBody)
        model = await find_model(services.model, body.model)
        await check_thinking(services, body, model)
        return await _answered(services, request, body, asked_to_chat(body, model), chat=True)

    @router.post("/api/embed")
    async def embed(request: Request) -> Response:
        began_s = time.monotonic()
        body = await read_body(request, EmbedBody)
        keep_s = keep_alive_s(body.keep_alive)
        read_options(body.options)
        if body.input is None:
            raise BadRequest("invalid input type", "input")
        model = await find_model(services.model, body.model, pull=True)
        lift_time_limit(request)
        texts = [body.input] if isinstance(body.input, str) else list(body.input)
        texts = [] if texts == [""] else texts
        answer: dict[str, Any] = {"model": body.model, "embeddings": []}
        if texts:
            found = await while_listening(request, services.model.embed(texts, model.name))
            answer["embeddings"] = [shortened(vector, body.dimensions) for vector in found.vectors]
            answer["total_duration"] = round((time.monotonic() - began_s) * NS_PER_S)
            answer |= {"prompt_eval_count": found.prompt_tokens} if found.prompt_tokens else {}
        if keep_s == 0:
            await services.model.unload(model.name)
        return json_answer(answer)

    @router.post("/api/embeddings")
    async def embeddings(request: Request) -> Response:
        body = await read_body(request, OldEmbedBody)
        keep_s = keep_alive_s(body.keep_alive)
        read_options(body.options)
        model = await find_model(services.model, body.model, pull=True)
        lift_time_limit(request)
        vector: tuple[float, ...] = ()
        if body.prompt:
            found = await while_listening(request, services.model.embed([body.prompt], model.name))
            vector = found.vectors[0]
        if keep_s == 0:
            await services.model.unload(model.name)
        return json_answer({"embedding": vector})

    return router


def json_answer(value: Any, status: int = 200) -> Response:
    """One JSON object."""
    return Response(orjson.dumps(value), status, media_type=JSON)


async def check_thinking(services: Services, body: AskingBody, model: Model) -> None:
    """Refuse to make a model think whose template knows no thinking. Raises BadRequest."""
    if not body.think or model.source is ModelSource.OLLAMA:
        return
    template = (await services.library.details(model.name)).template if services.library else ""
    if "think" not in template:
        raise BadRequest(f'"{body.model}" does not support thinking', "think")


async def _answered(
    services: Services, request: Request, body: AskingBody, asked: Asked, *, chat: bool
) -> Response:
    lift_time_limit(request)
    answer = OllamaAnswer(body.model, chat, time.monotonic())
    model = await find_model(services.model, body.model)
    stream = body.stream is not False
    if asked.prompt is None:
        return _one(answer.loaded(await _loaded_or_not(services.model, model.name, asked)), stream)
    await _enlarge(services.model, model.name, asked.context_size)
    if stream:
        return EventStreamResponse(
            _lines(services.model, asked.prompt, answer), services.leaving, None, NDJSON
        )
    heard = await while_listening(request, whole(services.model, asked.prompt))
    return json_answer(answer.whole(heard.end, heard.text, heard.thinking, heard.logprobs))


def _one(value: dict[str, Any], stream: bool) -> Response:
    return Response(line(value), 200, NDJSON) if stream else json_answer(value)


async def _lines(model: LanguageModel, prompt: Prompt, answer: OllamaAnswer) -> AsyncGenerator[bytes, None]:
    began = False
    async with aclosing(pieces(model, prompt)) as found:
        try:
            async for piece in found:
                began = True
                if not isinstance(piece, Finished):
                    yield line(answer.piece(piece))
                    continue
                if piece.tool_calls:
                    yield line(answer.calls(piece.tool_calls))
                yield line(answer.end(piece))
        except ControlCenterError as error:
            if not began:  # it still has an HTTP status of its own
                raise
            yield line(failure_body(error, Door.OLLAMA))


async def _loaded_or_not(model: LanguageModel, name: str, asked: Asked) -> str:
    """Load a model, or unload it when it is not to stay; Ollama's word for it."""
    if asked.keep_alive_s == 0:
        await model.unload(name)
        return "unload"
    await _enlarge(model, name, asked.context_size)
    if asked.keep_alive_s is None:
        await model.load(name)
        return "load"
    # How long a model stays is told with a prompt: the smallest there is.
    least = Prompt(raw=" ", model=name, options=SamplingOptions(max_tokens=1, temperature=0))
    await whole(model, replace(least, keep_alive_s=asked.keep_alive_s))
    return "load"


async def _enlarge(model: LanguageModel, name: str, context_size: int) -> None:
    """Give a model the context that is asked for, if it is larger than what it has."""
    if context_size <= 0:
        return
    facts = await model.context(name)
    wanted = min(context_size, facts.largest) if facts.largest else context_size
    if facts.resizable and wanted > facts.size:
        await model.load(name, wanted)
