"""Decodes the answers of all requests: one batch a step, and a queue for those beyond its sequences."""

from __future__ import annotations

import time
from collections import deque

from backend_embedded.llm.runner.answer import Answer, Emit
from backend_embedded.llm.runner.batch import Batch
from backend_embedded.llm.runner.bindings import Bindings
from backend_embedded.llm.runner.cells import Cells
from backend_embedded.llm.runner.logprobs import token_logprobs
from backend_embedded.llm.runner.model import LoadedModel
from backend_embedded.llm.runner.pace import Pace
from backend_embedded.llm.runner.protocol import Failed, Generate, Reading, RequestFailed, Waiting
from backend_embedded.llm.runner.sampling import Sampler
from backend_embedded.llm.runner.sequences import Choice, Slot, choose
from backend_embedded.llm.runner.text import TextStream

BATCH_TOKENS = 512
FLUSH_S = 0.04
NO_ROOM = 1
"""llama_decode's answer when the cache has no cells for a batch; nothing was changed."""


class Engine:
    """The sequences of one context.

    Args:
        bindings: llama.cpp.
        model: the loaded model.
        sequences: answers at the same time.
        emit: takes each event.
    """

    def __init__(self, bindings: Bindings, model: LoadedModel, sequences: int, emit: Emit) -> None:
        self._llama = bindings.llama
        self._schema_to_grammar = bindings.schema_to_grammar
        self._model = model
        self._emit = emit
        self._slots = [Slot(id=number) for number in range(sequences)]
        self._waiting: deque[Answer] = deque()
        self._context = model.new_context(sequences=sequences, size=model.context_size, batch=BATCH_TOKENS)
        if not self._llama.llama_get_memory(self._context):
            raise RequestFailed(
                "MODEL_UNSUPPORTED", "This is not a model that writes text.", "Use another one."
            )
        cells: int = self._llama.llama_n_ctx(self._context)
        self._cells = Cells(self._llama, self._context, cells, self._slots, partial=model.partial_reuse)
        self._room: int = min(model.context_size, cells)
        self._batch_tokens = min(BATCH_TOKENS, cells)
        self._batch = Batch(self._llama, self._batch_tokens)
        self._pace = Pace(largest=self._batch_tokens, first=64 if model.parameters < 1e9 else 16)
        self._even_piece = 16 if model.parameters < 1e9 else 8
        self._warm_up()

    @property
    def context_size(self) -> int:
        """Tokens that one answer may hold with its prompt."""
        return self._room

    @property
    def busy(self) -> bool:
        """Whether there is something to decode."""
        return bool(self._waiting) or any(slot.answer is not None for slot in self._slots)

    def check_fits(self, tokens: int) -> None:
        """Refuse a prompt that leaves no room for an answer, with the counts."""
        if tokens >= self._room:
            raise RequestFailed(
                "CONTEXT_EXCEEDED",
                f"The prompt has {tokens} tokens; the context holds {self._room}, the answer included.",
                "Shorten the prompt, start a new conversation, or choose a larger context in the settings.",
                prompt_tokens=tokens,
                context_size=self._room,
            )

    def add(self, request: Generate, tokens: list[int], accepted_s: float) -> None:
        """Take a request in: it starts now, or waits.

        Raises:
            RequestFailed: it does not fit, or its schema or grammar cannot be used.
        """
        if not tokens:
            raise RequestFailed("INVALID_INPUT", "The prompt is empty.")
        self.check_fits(len(tokens))
        options = request.options
        model = self._model
        sampler = Sampler(self._llama, model.vocab, model.vocab_size, self._schema_to_grammar, options)
        text = TextStream(options.stop)
        answer = Answer(request, list(tokens), len(tokens), sampler, text, accepted_s)
        self._end_ahead()
        if request.ahead and self.busy:
            answer.finish("cancelled", self._emit)
            return
        self._waiting.append(answer)
        self._admit()

    def cancel(self, request_id: int) -> bool:
        """End a request; its last event is sent. False if it is not here."""
        for answer in self._waiting:
            if answer.request.id == request_id:
                self._waiting.remove(answer)
                answer.finish("cancelled", self._emit)
                self._admit()
                return True
        for slot in self._slots:
            if slot.answer is not None and slot.answer.request.id == request_id:
                self._end(slot, "cancelled")
                self._admit()
                return True
        return False

    def step(self) -> None:
        """Decode one batch: the next token of each answer being written, and a piece of the prompts."""
        self._end_ahead(only_read=True)
        self._make_room()
        rows = self._fill()
        if not rows:
            return
        before_s = time.monotonic()
        result = self._llama.llama_decode(self._context, self._batch.raw)
        now_s = time.monotonic()
        if result != 0:
            self._decode_failed(result)
            return
        self._pace.learn(self._batch.count, now_s - before_s)
        for slot, taken, row in rows:
            answer = slot.answer
            if answer is None:
                continue
            slot.kept.extend(answer.tokens[len(slot.kept) : len(slot.kept) + taken])
            if row is None:
                self._emit(Reading(answer.request.id, len(slot.kept), len(answer.tokens)))
            else:
                self._take_token(slot, answer, row)
        self._admit()

    def rest(self) -> None:
        """Nothing is to be decoded: copy what idle sequences keep, so that the next answer need not wait for it."""
        self._cells.copy_idle()

    def _end_ahead(self, *, only_read: bool = False) -> None:
        """End the reading of a prompt that nobody asked yet; what was read stays."""
        for slot in self._slots:
            if slot.answer is not None and slot.answer.request.ahead and not (only_read and slot.unread > 1):
                self._end(slot, "stop" if slot.unread == 1 else "cancelled")

    # -- the batch --------------------------------------------------------------------------------

    def _fill(self) -> list[tuple[Slot, int, int | None]]:
        """Put rows in the batch; for each sequence: how many, and the row whose logits choose a token."""
        rows: list[tuple[Slot, int, int | None]] = []
        batch = self._batch
        batch.clear()
        writing = [slot for slot in self._slots if slot.unread == 1]
        reading = [slot for slot in self._slots if slot.unread > 1]
        for slot in writing:
            self._put(slot, 1, ends=True)
            rows.append((slot, 1, batch.count - 1))
        budget = min(self._pace.chunk(bool(writing)), self._batch_tokens - batch.count)
        for slot in sorted(reading, key=_started_s):
            taken = min(budget, slot.unread)
            if slot.answer is not None and slot.answer.repeatable:
                taken = min(self._even_piece, slot.unread, self._batch_tokens - batch.count)
            if slot.answer is not None and slot.answer.request.ahead:
                taken = min(taken, slot.unread - 1)  # a token is chosen only for who asks
            if taken <= 0:
                break
            ends = taken == slot.unread
            self._put(slot, taken, ends=ends)
            budget -= taken
            rows.append((slot, taken, batch.count - 1 if ends else None))
        return rows

    def _put(self, slot: Slot, taken: int, *, ends: bool) -> None:
        assert slot.answer is not None
        start = len(slot.kept)
        self._batch.put(slot.answer.tokens[start : start + taken], start, slot.id, last=ends)

    def _take_token(self, slot: Slot, answer: Answer, row: int) -> None:
        token = self._llama.llama_sampler_sample(answer.sampler.chain, self._context, row)
        now_s = time.monotonic()
        if not answer.first_token_s:
            answer.first_token_s = now_s
        answer.last_token_s = now_s
        if self._model.ends(token):
            self._end(slot, "stop")
            return
        answer.tokens.append(token)
        answer.completion_tokens += 1
        if answer.request.options.logprobs:
            self._note_logprobs(answer, token, row)
        shown = self._model.shown_piece if answer.request.tools else self._model.piece
        text = answer.text.feed(shown(token))
        if text:
            answer.pending.append(text)
        limit = answer.request.options.max_tokens
        if answer.text.stopped:
            self._end(slot, "stop")
        elif (limit is not None and answer.completion_tokens >= limit) or len(answer.tokens) >= self._room:
            self._end(slot, "length")
        elif answer.pending and now_s - answer.flushed_s >= FLUSH_S:
            answer.flush(self._emit)

    def _note_logprobs(self, answer: Answer, token: int, row: int) -> None:
        logits = self._llama.llama_get_logits_ith(self._context, row)
        top = answer.request.options.top_logprobs
        model = self._model
        answer.logprobs.append(token_logprobs(logits, model.vocab_size, token, top, model.shown_piece))

    def _decode_failed(self, result: int) -> None:
        if result == NO_ROOM and (self._cells.forget_oldest() or self._put_back_youngest()):
            return
        for slot in self._slots:
            answer = slot.answer
            if answer is None:
                continue
            self._cells.forget(slot)
            answer.flush(self._emit)
            answer.sampler.close()
            slot.release()
            message = f"llama.cpp could not decode (code {result})."
            self._emit(Failed(answer.request.id, "ENGINE_ERROR", message, "Ask again."))
        self._admit()

    # -- room in the cache ------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Free cells for the next batch: kept states first, then the answer that started last."""
        while True:
            writing = sum(1 for slot in self._slots if slot.unread == 1)
            reading = sum(slot.unread for slot in self._slots if slot.unread > 1)
            needed = writing + min(reading, self._pace.chunk(bool(writing)))
            if sum(len(slot.kept) for slot in self._slots) + needed <= self._cells.size:
                return
            if not (self._cells.forget_oldest() or self._put_back_youngest()):
                return

    def _put_back_youngest(self) -> bool:
        """Send the answer that started last back to the queue; what it wrote stands and is read again."""
        active = [slot for slot in self._slots if slot.answer is not None]
        if len(active) < 2:
            return False
        youngest = max(active, key=_started_s)
        assert youngest.answer is not None
        youngest.answer.put_back = True  # at once again it would only be sent back again
        self._waiting.appendleft(youngest.answer)
        youngest.release()
        self._cells.forget(youngest)
        self._tell_places()
        return True

    # -- the queue --------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Give free sequences to those who wait longest."""
        while self._waiting:
            answer = self._waiting[0]
            used = sum(slot.unread + len(slot.kept) for slot in self._slots if slot.answer is not None)
            if used and (answer.put_back or used + len(answer.tokens) + 1 > self._cells.size):
                break
            choice = choose(self._slots, answer.tokens, partial=self._model.partial_reuse)
            if choice is not None and answer.repeatable:
                choice = Choice(choice.slot, 0)
            if choice is None:
                break
            self._waiting.popleft()
            keep = self._cells.prepare(answer, choice)
            choice.slot.answer, choice.slot.draft = answer, answer.request.ahead
            if not answer.started_s:
                answer.started_s = time.monotonic()
                answer.cached_tokens = keep
        self._tell_places()

    def _tell_places(self) -> None:
        for place, answer in enumerate(self._waiting, 1):
            if answer.place != place:
                answer.place = place
                self._emit(Waiting(answer.request.id, place))

    # -- the end of an answer ---------------------------------------------------------------------

    def _end(self, slot: Slot, reason: str) -> None:
        assert slot.answer is not None
        slot.answer.finish(reason, self._emit)
        slot.release()
        for answer in self._waiting:
            answer.put_back = False

    def _warm_up(self) -> None:
        """Decode one token, so that the file's pages and llama.cpp's buffers are there for the first answer."""
        self._batch.clear()
        self._batch.put([max(0, self._llama.llama_vocab_bos(self._model.vocab))], 0, 0)
        self._llama.llama_decode(self._context, self._batch.raw)
        self._cells.forget(self._slots[0])


def _started_s(slot: Slot) -> float:
    return 0.0 if slot.answer is None else slot.answer.started_s
