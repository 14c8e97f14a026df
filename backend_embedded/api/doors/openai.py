"""The OpenAI API: models, both kinds of completions, and embeddings."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from backend_embedded.api.doors.bodies import lift_time_limit, read_body
from backend_embedded.api.doors.embedding import as_base64, shortened
from backend_embedded.api.doors.failures import BadRequest, failure_body
from backend_embedded.api.doors.heard import pieces, whole
from backend_embedded.api.doors.names import find_model
from backend_embedded.api.doors.ollama import json_answer
from backend_embedded.api.doors.openai_answers import DONE, OpenAiAnswer, frame
from backend_embedded.api.doors.openai_bodies import AskingBody, ChatBody, CompletionBody, EmbeddingsBody
from backend_embedded.api.doors.openai_requests import asked_to_chat, asked_to_complete
from backend_embedded.api.doors.paths import Door
from backend_embedded.api.streams import EventStreamResponse, while_listening
from backend_embedded.contract.generation import Finished
from backend_embedded.contract.models import Model
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.services import Services

MOST_TEXTS = 2048


def routes(services: Services) -> APIRouter:
    """The routes of this door."""
    router = APIRouter(include_in_schema=False)
    began_s = int(services.started_at.timestamp())

    @router.get("/v1/models")
    async def models(request: Request) -> Response:
        found = [_model(model, began_s) for model in await services.model.models() if model.problem is None]
        return json_answer({"object": "list", "data": found})

    @router.get("/v1/models/{name:path}")
    async def model(request: Request, name: str) -> Response:
        found = await find_model(services.model, name)
        return json_answer(_model(found, began_s) | {"id": name})

    @router.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await read_body(request, ChatBody)
        prompt = asked_to_chat(body, await find_model(services.model, body.model))
        return await _answered(services, request, body, prompt, chat=True)

    @router.post("/v1/completions")
    async def complete(request: Request) -> Response:
        body = await read_body(request, CompletionBody)
        prompt = asked_to_complete(body, await find_model(services.model, body.model))
        return await _answered(services, request, body, prompt, chat=False)

    @router.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        body = await read_body(request, EmbeddingsBody)
        if body.encoding_format not in (None, "float", "base64"):
            raise BadRequest("encoding_format must be float or base64", "encoding_format")
        texts = _texts(body.input)
        found_model = await find_model(services.model, body.model)
        lift_time_limit(request)
        found = await while_listening(request, services.model.embed(texts, found_model.name))
        form: Any = as_base64 if body.encoding_format == "base64" else list
        data = [
            {"object": "embedding", "index": number, "embedding": form(shortened(vector, body.dimensions))}
            for number, vector in enumerate(found.vectors)
        ]
        used = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
        return json_answer({"object": "list", "data": data, "model": body.model, "usage": used})

    return router


async def _answered(
    services: Services, request: Request, body: AskingBody, prompt: Prompt, *, chat: bool
) -> Response:
    lift_time_limit(request)
    told = bool(body.stream and body.stream_options and body.stream_options.include_usage)
    answer = OpenAiAnswer(body.model, chat, told)
    if body.stream:
        return EventStreamResponse(_frames(services.model, prompt, answer), services.leaving)
    return json_answer(answer.whole(await while_listening(request, whole(services.model, prompt))))


async def _frames(model: LanguageModel, prompt: Prompt, answer: OpenAiAnswer) -> AsyncGenerator[bytes, None]:
    began = False
    async with aclosing(pieces(model, prompt)) as found:
        try:
            async for piece in found:
                began = True
                if not isinstance(piece, Finished):
                    yield frame(answer.chunk(piece))
                    continue
                for chunk in answer.ends(piece):
                    yield frame(chunk)
                yield DONE
        except ControlCenterError as error:
            if not began:  # it still has an HTTP status of its own
                raise
            yield frame(failure_body(error, Door.OPENAI))


def _model(model: Model, created_s: int) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": created_s, "owned_by": "library"}


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        raise BadRequest("input must be a text or a list of texts, none of them empty", "input")
    if len(texts) > MOST_TEXTS:
        raise BadRequest(f"input may have {MOST_TEXTS} texts at most", "input")
    return texts
