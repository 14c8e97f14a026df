"""Carries out the commands that come in, one decoding step after the other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import assert_never

from backend_embedded.llm.runner.bindings import Bindings
from backend_embedded.llm.runner.embedding import Embedder
from backend_embedded.llm.runner.engine import Engine
from backend_embedded.llm.runner.model import LoadedModel
from backend_embedded.llm.runner.protocol import (
    Cancel,
    Command,
    Count,
    Counted,
    Done,
    Embed,
    Failed,
    Generate,
    RequestFailed,
    RunnerConfig,
    RunnerEvent,
    Vectors,
)


@dataclass(frozen=True, slots=True)
class Received:
    """A command, and when it came (monotonic)."""

    command: Command
    at_s: float


class Service:
    """One runner's work.

    Args:
        bindings: llama.cpp.
        config: what to load.
        log: lines that llama.cpp logged so far.
        emit: takes each event.

    Raises:
        RequestFailed: the model cannot be loaded.
    """

    def __init__(
        self,
        bindings: Bindings,
        config: RunnerConfig,
        log: list[str],
        emit: Callable[[RunnerEvent], None],
    ) -> None:
        bindings.llama.llama_backend_init()
        self._model = LoadedModel(bindings.llama, config, log)
        self._embedder = Embedder(bindings.llama, self._model)
        self._engine: Engine | None = None
        if self._model.writes:
            self._engine = Engine(bindings, self._model, config.sequences, emit)
        else:
            self._embedder.open()
        self._emit = emit
        self._embeddings: deque[tuple[int, Iterator[Vectors | None]]] = deque()

    @property
    def context_size(self) -> int:
        """Tokens that one answer may hold with its prompt."""
        return self._model.context_size if self._engine is None else self._engine.context_size

    def serve(self, inbox: SimpleQueue[Received]) -> None:
        """Work for ever; between two steps all that came in is taken in."""
        while True:
            engine = self._engine
            busy = bool(self._embeddings) or (engine is not None and engine.busy)
            if engine is not None and not busy and inbox.empty():
                engine.rest()
            try:
                while True:
                    self.accept(inbox.get(block=not busy))
                    busy = True
            except Empty:
                pass
            if engine is not None:
                engine.step()
            self._embed_piece()

    def accept(self, received: Received) -> None:
        """Take one command in."""
        command = received.command
        try:
            match command:
                case Generate():
                    self._writer().add(command, self._tokens(command), received.at_s)
                case Count(texts=texts) if texts:
                    each = tuple(self._model.plain_tokens(text) for text in texts)
                    self._emit(Counted(command.id, sum(each), each))
                case Count():
                    self._emit(Counted(command.id, len(self._tokens(command))))
                case Embed():
                    self._embeddings.append((command.id, self._embedder.steps(command)))
                case Cancel():
                    self._cancel(command.id)
                case _:
                    assert_never(command)
        except RequestFailed as failure:
            self._fail(command.id, failure)

    def _writer(self) -> Engine:
        if self._engine is None:
            raise RequestFailed(
                "MODEL_UNSUPPORTED",
                "This model makes vectors of texts; it writes no text.",
                "Choose another model for the chat.",
            )
        return self._engine

    def _tokens(self, command: Generate | Count) -> list[int]:
        text = command.raw
        if text is None:
            self._writer()
            text = self._model.template.render(command.turns, command.continue_last, command.tools)
        return self._model.tokenize(text)

    def _cancel(self, request_id: int) -> None:
        if self._engine is not None and self._engine.cancel(request_id):
            return
        for job in self._embeddings:
            if job[0] == request_id:
                self._embeddings.remove(job)
                break
        self._emit(Done(request_id, "cancelled", 0, 0, 0, 0, 0, 0, 0, 0, 0))

    def _embed_piece(self) -> None:
        if not self._embeddings:
            return
        request_id, steps = self._embeddings[0]
        try:
            vectors = next(steps)
        except RequestFailed as failure:
            self._embeddings.popleft()
            self._fail(request_id, failure)
            return
        if vectors is not None:
            self._embeddings.popleft()
            self._emit(vectors)

    def _fail(self, request_id: int, failure: RequestFailed) -> None:
        self._emit(Failed(request_id, failure.code, failure.message, failure.remedy, failure.details))


def received(command: Command) -> Received:
    """A command stamped with this moment."""
    return Received(command, time.monotonic())
