"""Streams of text from a model: generate and chat; tokens and embeddings."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.bodies import EmbeddingsAnswer, EmbeddingsRequest, TokensAnswer, TokensRequest
from backend_embedded.api.failures import error_body, raised_again
from backend_embedded.api.streams import EventStreamResponse, frame, while_listening
from backend_embedded.chat.service import ChatService
from backend_embedded.contract.conversations import ChatFailed, ChatFinished, ChatRequest
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.generation import (
    ChatTurn,
    Failed,
    Finished,
    Generated,
    GenerateRequest,
    GenerationStats,
    Role,
    TextDelta,
)
from backend_embedded.errors import ControlCenterError, EngineError, InvalidInput
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.services import Services

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "example": 'event: text\ndata: {"kind":"text","text":"Hello","tokens":1}\n\n'
            }
        },
        "description": "Server-sent events (`stream: true`), or one JSON answer (`stream: false`).",
    }
}


def routes(services: Services, chat: ChatService) -> APIRouter:
    """The routes that ask a model."""
    router = APIRouter(prefix="/api/v1", tags=["generation"])
    model = services.model

    @router.post("/generate", response_model=Success[Generated], responses=STREAM)
    async def generate(request: Request, body: GenerateRequest) -> Response:
        """Answer one prompt, without a conversation. Closing the connection stops the engine."""
        prompt = _prompt(body)
        if body.stream:
            return EventStreamResponse(_generate_frames(model, prompt), services.leaving)
        return success(request, await while_listening(request, _generated(model, prompt)))

    @router.post("/chat", response_model=Success[ChatFinished], responses=STREAM)
    async def chat_turn(request: Request, body: ChatRequest) -> Response:
        """Ask in a conversation; question and answer are kept as they come.

        Closing the connection stops the engine; what came is kept as a stopped answer.
        """
        if body.stream:
            return EventStreamResponse(_chat_frames(chat, body), services.leaving)
        return success(request, await while_listening(request, _chatted(chat, body)))

    @router.post("/tokens", response_model=Success[TokensAnswer])
    async def tokens(request: Request, body: TokensRequest) -> Response:
        """Count the tokens of a prompt with the model's own template and tokenizer."""
        return success(request, TokensAnswer(tokens=await model.count_tokens(_counted(body))))

    @router.post("/embeddings", response_model=Success[EmbeddingsAnswer])
    async def embeddings(request: Request, body: EmbeddingsRequest) -> Response:
        """Vectors of texts: mean-pooled, of length 1."""
        found = await while_listening(request, model.embed(body.texts, body.model))
        answer = EmbeddingsAnswer(model=found.model, vectors=found.vectors, prompt_tokens=found.prompt_tokens)
        return success(request, answer)

    return router


def _prompt(body: GenerateRequest) -> Prompt:
    if body.raw:
        return Prompt(raw=body.prompt, model=body.model, options=body.options)
    return Prompt(turns=_turns(body.system, body.prompt), model=body.model, options=body.options)


def _turns(system: str | None, prompt: str) -> tuple[ChatTurn, ...]:
    question = ChatTurn(role=Role.USER, content=prompt)
    return (ChatTurn(role=Role.SYSTEM, content=system), question) if system else (question,)


def _counted(body: TokensRequest) -> Prompt:
    if (body.prompt is None) == (not body.turns):
        raise InvalidInput(
            "Either prompt or turns is needed.",
            fields=[{"field": "body.prompt", "problem": "either this or turns is needed"}],
        )
    if body.prompt is None:
        return Prompt(turns=body.turns, model=body.model)
    if body.raw:
        return Prompt(raw=body.prompt, model=body.model)
    return Prompt(turns=_turns(body.system, body.prompt), model=body.model)


async def _generate_frames(model: LanguageModel, prompt: Prompt) -> AsyncGenerator[bytes, None]:
    began = False
    async with aclosing(model.generate(prompt)) as events:
        try:
            async for event in events:
                began = True
                yield frame(event.kind, event)
        except ControlCenterError as error:
            # Before the first event the failure still has an HTTP status of its own.
            if not began:
                raise
            failed = Failed(error=error_body(error))
            yield frame(failed.kind, failed)


async def _generated(model: LanguageModel, prompt: Prompt) -> Generated:
    text: list[str] = []
    stats: GenerationStats | None = None
    async with aclosing(model.generate(prompt)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    text.append(event.text)
                case Finished():
                    stats = event.stats
                case _:
                    pass
    if stats is None:
        raise EngineError("The engine ended without finishing the answer.")
    return Generated(text="".join(text), stats=stats)


async def _chat_frames(chat: ChatService, request: ChatRequest) -> AsyncGenerator[bytes, None]:
    async with aclosing(chat.chat(request)) as events:
        async for event in events:
            yield frame(event.kind, event)


async def _chatted(chat: ChatService, request: ChatRequest) -> ChatFinished:
    async with aclosing(chat.chat(request)) as events:
        async for event in events:
            match event:
                case ChatFinished():
                    return event
                case ChatFailed():
                    raise raised_again(event.error)
                case _:
                    pass
    raise EngineError("The engine ended without finishing the answer.")
