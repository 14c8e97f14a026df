"""Vectors of texts, of length 1: the model's own pooling, or the mean of its last layer over a text's tokens."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from backend_embedded.llm.runner.batch import Batch
from backend_embedded.llm.runner.model import LoadedModel
from backend_embedded.llm.runner.protocol import Embed, RequestFailed, Vectors

PIECE_TOKENS = 64


class Embedder:
    """Makes vectors in a context of its own, which exists from the first request on.

    Args:
        llama: the low-level bindings.
        model: the loaded model.
    """

    def __init__(self, llama: Any, model: LoadedModel) -> None:
        self._llama = llama
        self._model = model
        self._context: Any = None
        self._batch: Batch
        self._piece = 0

    def steps(self, request: Embed) -> Iterator[Vectors | None]:
        """Carry a request out piece by piece: None after each piece, the vectors at the end.

        Raises:
            RequestFailed: a text is longer than the context, or the model makes no vectors.
        """
        texts = [self._model.tokenize(text) for text in request.texts]
        self._check(texts)
        self.open()
        vectors: list[tuple[float, ...]] = []
        for tokens in texts:
            if self._model.writes:
                total = array("d", bytes(8 * self._model.width))
                for start in range(0, len(tokens), PIECE_TOKENS):
                    self._add(tokens[start : start + PIECE_TOKENS], start, total)
                    yield None
                vectors.append(_normalised(total))
            else:
                vectors.append(_normalised(self._pooled(tokens)))
                yield None
        yield Vectors(request.id, tuple(vectors), sum(map(len, texts)))

    def open(self) -> None:
        """Make the context, if there is none yet; raises RequestFailed when memory is short."""
        if self._context is None:
            size = self._model.context_size
            # A text that is read from both sides is read at once.
            self._piece = PIECE_TOKENS if self._model.writes else size
            self._context = self._model.new_context(
                sequences=1, size=size, batch=self._piece, embeddings=True
            )
            self._batch = Batch(self._llama, self._piece)

    def _check(self, texts: list[list[int]]) -> None:
        for tokens in texts:
            if len(tokens) > self._model.context_size:
                raise RequestFailed(
                    "CONTEXT_EXCEEDED",
                    f"A text has {len(tokens)} tokens; the context holds {self._model.context_size}.",
                    "Split the text.",
                    prompt_tokens=len(tokens),
                    context_size=self._model.context_size,
                )

    def _add(self, tokens: list[int], start: int, total: array[float]) -> None:
        """Read a piece of a text and add its tokens' vectors to `total`."""
        if start == 0:
            self._llama.llama_memory_clear(self._llama.llama_get_memory(self._context), False)
        self._fill(tokens, start)
        if self._llama.llama_decode(self._context, self._batch.raw) != 0:
            raise RequestFailed("ENGINE_ERROR", "llama.cpp could not read the text.")
        for row in range(len(tokens)):
            vector = self._vector(self._llama.llama_get_embeddings_ith(self._context, row))
            for column, value in enumerate(vector):
                total[column] += value

    def _pooled(self, tokens: list[int]) -> list[float]:
        """The vector that the model itself makes of a whole text."""
        memory = self._llama.llama_get_memory(self._context)
        read = self._llama.llama_decode if memory else self._llama.llama_encode
        if memory:
            self._llama.llama_memory_clear(memory, False)
        self._fill(tokens, 0)
        if read(self._context, self._batch.raw) != 0:
            raise RequestFailed("ENGINE_ERROR", "llama.cpp could not read the text.")
        return self._vector(self._llama.llama_get_embeddings_seq(self._context, 0))

    def _fill(self, tokens: list[int], start: int) -> None:
        self._batch.clear()
        self._batch.put(tokens, start, 0, every=True)

    def _vector(self, found: Any) -> list[float]:
        if not found:
            raise RequestFailed("MODEL_UNSUPPORTED", "The model makes no vectors.", "Use another model.")
        vector: list[float] = found[: self._model.width]
        return vector


def _normalised(total: Sequence[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / length for value in total) if length else tuple(total)
