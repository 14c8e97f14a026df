"""llama.cpp called directly, in a process of its own: the baseline of the chat figures.

`direct.py MODEL THREADS CONTEXT`; each line on stdin is `{"prompts": [...], "tokens": N}`: the prompts are answered
greedily in one batch, one sequence each. Each line on stdout has `ttft_ms`, `decode_tokens_per_s` (of one
sequence after its first token) and `total_tokens_per_s` (of all, from the start).
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from typing import Any

PIECE_BYTES = 256


class Direct:
    """A model and a context with the same settings as the program's own."""

    def __init__(self, model: str, threads: int, context: int) -> None:
        import llama_cpp.llama_cpp as llama

        self.llama: Any = llama
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(model.encode(), llama.llama_model_default_params())
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_seq_max = 4
        parameters.kv_unified = True
        parameters.flash_attn_type = 0  # off, as in the program: see docs/performance.md
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = llama.llama_init_from_model(self.model, parameters)
        self.vocabulary = llama.llama_model_get_vocab(self.model)
        self.chunk = int(llama.llama_n_batch(self.context))
        self.batch = llama.llama_batch_init(self.chunk, 0, 1)
        self.sampler = llama.llama_sampler_init_greedy()
        self.piece = ctypes.create_string_buffer(PIECE_BYTES)

    def tokens_of(self, text: str) -> list[int]:
        """Tokens of a prompt, special tokens read as such."""
        raw = text.encode()
        room = (self.llama.llama_token * (len(raw) + 8))()
        count = self.llama.llama_tokenize(self.vocabulary, raw, len(raw), room, len(room), True, True)
        return list(room[:count])

    def put(self, token: int, position: int, sequence: int, wanted: bool) -> None:
        """Add one token to the batch."""
        at = self.batch.n_tokens
        self.batch.token[at] = token
        self.batch.pos[at] = position
        self.batch.n_seq_id[at] = 1
        self.batch.seq_id[at][0] = sequence
        self.batch.logits[at] = wanted
        self.batch.n_tokens = at + 1

    def decode(self) -> None:
        """Compute the batch and empty it."""
        if self.llama.llama_decode(self.context, self.batch):
            raise RuntimeError("llama_decode failed")

    def read(self, tokens: list[int], sequence: int) -> int:
        """Read one prompt; the first token of its answer."""
        for start in range(0, len(tokens), self.chunk):
            part = tokens[start : start + self.chunk]
            self.batch.n_tokens = 0
            for offset, token in enumerate(part):
                self.put(token, start + offset, sequence, start + offset == len(tokens) - 1)
            self.decode()
        return self.next_token(-1)

    def next_token(self, row: int) -> int:
        """Take the likeliest token of a row of the batch and write it as text, as any program must."""
        token = int(self.llama.llama_sampler_sample(self.sampler, self.context, row))
        self.llama.llama_token_to_piece(self.vocabulary, token, self.piece, PIECE_BYTES, 0, True)
        return token

    def answer(self, prompts: list[str], tokens: int) -> dict[str, float]:
        """Answer all prompts with `tokens` tokens each."""
        self.llama.llama_memory_clear(self.llama.llama_get_memory(self.context), True)
        started = time.perf_counter()
        read = [self.tokens_of(prompt) for prompt in prompts]
        last = [self.read(prompt, sequence) for sequence, prompt in enumerate(read)]
        first = time.perf_counter()
        for step in range(tokens - 1):
            self.batch.n_tokens = 0
            for sequence, token in enumerate(last):
                self.put(token, len(read[sequence]) + step, sequence, True)
            self.decode()
            last = [self.next_token(row) for row in range(len(prompts))]
        ended = time.perf_counter()
        return {
            "ttft_ms": (first - started) * 1000,
            "decode_tokens_per_s": (tokens - 1) / (ended - first),
            "total_tokens_per_s": tokens * len(prompts) / (ended - started),
        }


def main() -> None:
    """Answer requests until stdin closes."""
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    direct = Direct(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    direct.answer(["warm"], 8)
    output.write("{}\n")
    for line in sys.stdin:
        request = json.loads(line)
        output.write(json.dumps(direct.answer(request["prompts"], request["tokens"])) + "\n")


if __name__ == "__main__":
    main()
