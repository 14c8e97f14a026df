"""Decodes the answers of all requests: one batch a step, and a queue for those beyond its sequences."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from backend_embedded.llm.runner.bindings import Bindings
from backend_embedded.llm.runner.logprobs import token_logprobs
from backend_embedded.llm.runner.model import LoadedModel
from backend_embedded.llm.runner.pace import Pace
from backend_embedded.llm.runner.parking import Parking
from backend_embedded.llm.runner.protocol import (
    Done,
    Failed,
    Generate,
    Reading,
    RequestFailed,
    RunnerEvent,
    Text,
    Waiting,
)
from backend_embedded.llm.runner.sampling import Sampler
from backend_embedded.llm.runner.sequences import Answer, Choice, Slot, choose
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

    def __init__(
        self, bindings: Bindings, model: LoadedModel, sequences: int, emit: Callable[[RunnerEvent], None]
    ) -> None:
        self._llama = bindings.llama
        self._schema_to_grammar = bindings.schema_to_grammar
        self._model = model
        self._emit = emit
        self._slots = [Slot(id=number) for number in range(sequences)]
        self._waiting: deque[Answer] = deque()
        size = model.context_size
        self._context = model.new_context(sequences=sequences, size=size, batch=BATCH_TOKENS)
        self._memory = self._llama.llama_get_memory(self._context)
        if not self._memory:
            raise RequestFailed(
                "MODEL_UNSUPPORTED", "This is not a model that writes text.", "Use another one."
            )
        self._cells: int = self._llama.llama_n_ctx(self._context)
        self._room: int = min(model.context_size, self._cells)
        self._parking = Parking(self._llama, self._context, self._cells, partial=model.partial_reuse)
        self._batch_tokens = min(BATCH_TOKENS, self._cells)
        self._batch = self._llama.llama_batch_init(self._batch_tokens, 0, 1)
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
            self._finish(answer, "cancelled")
            return
        self._waiting.append(answer)
        self._admit()

    def cancel(self, request_id: int) -> bool:
        """End a request; its last event is sent. False if it is not here."""
        for answer in self._waiting:
            if answer.request.id == request_id:
                self._waiting.remove(answer)
                self._finish(answer, "cancelled")
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
        rows, count = self._fill()
        if not count:
            return
        self._batch.n_tokens = count
        before_s = time.monotonic()
        result = self._llama.llama_decode(self._context, self._batch)
        now_s = time.monotonic()
        if result != 0:
            self._decode_failed(result)
            return
        self._pace.learn(count, now_s - before_s)
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
        for slot in self._slots:
            if slot.answer is None and slot.kept and not slot.draft:
                self._parking.copy(slot.id, slot.kept)

    def _end_ahead(self, *, only_read: bool = False) -> None:
        """End the reading of a prompt that nobody asked yet; what was read stays."""
        for slot in self._slots:
            if slot.answer is not None and slot.answer.request.ahead and not (only_read and slot.unread > 1):
                self._end(slot, "stop" if slot.unread == 1 else "cancelled")

    # -- the batch --------------------------------------------------------------------------------

    def _fill(self) -> tuple[list[tuple[Slot, int, int | None]], int]:
        """Put rows in the batch; for each sequence: how many, and the row whose logits choose a token."""
        rows: list[tuple[Slot, int, int | None]] = []
        count = 0
        writing = [slot for slot in self._slots if slot.unread == 1]
        reading = [slot for slot in self._slots if slot.unread > 1]
        for slot in writing:
            self._put(slot, 1, count, ends=True)
            rows.append((slot, 1, count))
            count += 1
        budget = min(self._pace.chunk(bool(writing)), self._batch_tokens - count)
        for slot in sorted(reading, key=_started_s):
            taken = min(budget, slot.unread)
            if slot.answer is not None and slot.answer.repeatable:
                taken = min(self._even_piece, slot.unread, self._batch_tokens - count)
            if slot.answer is not None and slot.answer.request.ahead:
                taken = min(taken, slot.unread - 1)  # a token is chosen only for who asks
            if taken <= 0:
                break
            ends = taken == slot.unread
            self._put(slot, taken, count, ends=ends)
            count += taken
            budget -= taken
            rows.append((slot, taken, count - 1 if ends else None))
        return rows, count

    def _put(self, slot: Slot, taken: int, at: int, *, ends: bool) -> None:
        batch = self._batch
        token, position, of_sequence, wanted = batch.token, batch.pos, batch.seq_id, batch.logits
        sequences = batch.n_seq_id
        start = len(slot.kept)
        assert slot.answer is not None
        for offset, value in enumerate(slot.answer.tokens[start : start + taken]):
            row = at + offset
            token[row] = value
            position[row] = start + offset
            sequences[row] = 1
            of_sequence[row][0] = slot.id
            wanted[row] = 0
        if ends:
            wanted[at + taken - 1] = 1

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
            self._flush(answer)

    def _note_logprobs(self, answer: Answer, token: int, row: int) -> None:
        logits = self._llama.llama_get_logits_ith(self._context, row)
        top = answer.request.options.top_logprobs
        model = self._model
        answer.logprobs.append(token_logprobs(logits, model.vocab_size, token, top, model.shown_piece))

    def _decode_failed(self, result: int) -> None:
        if result == NO_ROOM and (self._forget_oldest() or self._put_back_youngest()):
            return
        for slot in self._slots:
            answer = slot.answer
            if answer is None:
                continue
            self._forget(slot)
            self._flush(answer)
            answer.sampler.close()
            slot.release()
            message = f"llama.cpp could not decode (code {result})."
            self._emit(Failed(answer.request.id, "ENGINE_ERROR", message, "Ask again."))

    # -- room in the cache ------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Free cells for the next batch: kept states first, then the answer that started last."""
        while True:
            writing = sum(1 for slot in self._slots if slot.unread == 1)
            reading = sum(slot.unread for slot in self._slots if slot.unread > 1)
            needed = writing + min(reading, self._pace.chunk(bool(writing)))
            if sum(len(slot.kept) for slot in self._slots) + needed <= self._cells:
                return
            if not (self._forget_oldest() or self._put_back_youngest()):
                return

    def _forget_oldest(self) -> bool:
        kept = [slot for slot in self._slots if slot.answer is None and slot.kept]
        if not kept:
            return False
        self._forget(min(kept, key=lambda slot: slot.used_s))
        return True

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
        self._forget(youngest)
        self._tell_places()
        return True

    def _forget(self, slot: Slot) -> None:
        self._llama.llama_memory_seq_rm(self._memory, slot.id, -1, -1)
        slot.kept.clear()

    # -- the queue --------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Give free sequences to those who wait longest."""
        while self._waiting:
            answer = self._waiting[0]
            used = sum(slot.unread + len(slot.kept) for slot in self._slots if slot.answer is not None)
            if used and (answer.put_back or used + len(answer.tokens) + 1 > self._cells):
                break
            choice = choose(self._slots, answer.tokens, partial=self._model.partial_reuse)
            if choice is not None and answer.repeatable:
                choice = Choice(choice.slot, 0)
            if choice is None:
                break
            self._waiting.popleft()
            keep = self._prepare(answer, choice)
            choice.slot.answer, choice.slot.draft = answer, answer.request.ahead
            if not answer.started_s:
                answer.started_s = time.monotonic()
                answer.cached_tokens = keep
        self._tell_places()

    def _prepare(self, answer: Answer, choice: Choice) -> int:
        """Bring the state that saves most into a sequence, and park what nobody works on; tokens saved."""
        slot = choice.slot
        parked = None if answer.repeatable else self._parking.find(answer.tokens, choice.keep)
        if parked is None:
            keep = self._keep_state(slot, choice.keep, choice.copy_from)
            self._park_idle(but=slot)
            return keep
        self._park_idle()
        keep = self._parking.put_back(parked, slot.id, answer.tokens)
        slot.kept = answer.tokens[:keep]
        return keep

    def _park_idle(self, but: Slot | None = None) -> None:
        for slot in self._slots:
            if slot.answer is None and slot.kept and slot is not but:
                self._parking.park(slot.id, slot.kept)
                slot.kept = []

    def _keep_state(self, slot: Slot, keep: int, donor: Slot | None) -> int:
        """Cut a sequence's state down to `keep` tokens, or copy that many from another; returns how many."""
        if donor is not None and donor is not slot:
            self._forget(slot)
            self._llama.llama_memory_seq_cp(self._memory, donor.id, slot.id, 0, keep)
            slot.kept = donor.kept[:keep]
        elif len(slot.kept) > keep:
            if keep and self._llama.llama_memory_seq_rm(self._memory, slot.id, keep, -1):
                del slot.kept[keep:]
            else:
                self._forget(slot)
        return len(slot.kept)

    def _tell_places(self) -> None:
        for place, answer in enumerate(self._waiting, 1):
            if answer.place != place:
                answer.place = place
                self._emit(Waiting(answer.request.id, place))

    # -- the end of an answer ---------------------------------------------------------------------

    def _flush(self, answer: Answer) -> None:
        if answer.pending or answer.logprobs:
            text = "".join(answer.pending)
            self._emit(Text(answer.request.id, text, answer.completion_tokens, answer.logprobs))
            answer.pending.clear()
            answer.logprobs = []
            answer.flushed_s = time.monotonic()

    def _end(self, slot: Slot, reason: str) -> None:
        assert slot.answer is not None
        self._finish(slot.answer, reason)
        slot.release()
        for answer in self._waiting:
            answer.put_back = False

    def _finish(self, answer: Answer, reason: str) -> None:
        rest = answer.text.finish()
        if rest:
            answer.pending.append(rest)
        self._flush(answer)
        answer.sampler.close()
        self._emit(_done(answer, reason))

    def _warm_up(self) -> None:
        """Decode one token, so that the file's pages and llama.cpp's buffers are there for the first answer."""
        warm = Slot(id=0)
        warm_token = max(0, self._llama.llama_vocab_bos(self._model.vocab))
        batch = self._batch
        batch.token[0], batch.pos[0], batch.n_seq_id[0] = warm_token, 0, 1
        batch.seq_id[0][0], batch.logits[0], batch.n_tokens = 0, 1, 1
        self._llama.llama_decode(self._context, batch)
        self._forget(warm)


def _started_s(slot: Slot) -> float:
    return 0.0 if slot.answer is None else slot.answer.started_s


def _done(answer: Answer, reason: str) -> Done:
    end_s = time.monotonic()
    marks_s = [answer.accepted_s, answer.started_s or end_s, answer.first_token_s or end_s]
    queue_s, prompt_s = (later - earlier for earlier, later in pairwise(marks_s))
    decode_s = answer.last_token_s - answer.first_token_s if answer.first_token_s else 0.0
    rate = (answer.completion_tokens - 1) / decode_s if decode_s > 0 and answer.completion_tokens > 1 else 0.0
    return Done(
        id=answer.request.id,
        finish_reason=reason,
        prompt_tokens=answer.prompt_tokens,
        cached_tokens=answer.cached_tokens,
        completion_tokens=answer.completion_tokens,
        queue_ms=queue_s * 1000,
        prompt_ms=prompt_s * 1000,
        ttft_ms=(marks_s[2] - answer.accepted_s) * 1000,
        decode_ms=decode_s * 1000,
        tokens_per_s=rate,
        seed=answer.sampler.seed,
    )
