"""Bodies of requests and answers that only the API knows."""

from __future__ import annotations

from pydantic import Field

from backend_embedded.contract.generation import ChatTurn
from backend_embedded.contract.wire import Wire


class EmbeddingsRequest(Wire):
    """Body of `POST /api/v1/embeddings`."""

    texts: tuple[str, ...] = Field(min_length=1, max_length=1_000)
    model: str | None = None


class EmbeddingsAnswer(Wire):
    """One vector of length 1 for each text, in their order."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


class TokensRequest(Wire):
    """Body of `POST /api/v1/tokens`: a prompt as in generate, or turns as in a chat."""

    prompt: str | None = Field(None, min_length=1)
    turns: tuple[ChatTurn, ...] = ()
    model: str | None = None
    system: str | None = None
    raw: bool = False


class TokensAnswer(Wire):
    """Tokens of a prompt with the model's own template."""

    tokens: int
