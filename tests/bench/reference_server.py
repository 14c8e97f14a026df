"""llama.cpp's own server with 4 slots (PyPI `xllamacpp`), in a process and an environment of its own.

`reference_server.py MODEL THREADS CONTEXT`; stdin and stdout as of `direct.py`, `total_tokens_per_s` only.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from typing import Any

SLOTS = 4


def start(model: str, threads: int, context: int) -> Any:
    """The server, listening."""
    product = importlib.import_module("xllamacpp")
    parameters = product.CommonParams()
    parameters.model.path = model
    parameters.n_parallel = SLOTS
    parameters.n_ctx = context
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    return product.Server(parameters)


def answer(server: Any, prompt: str, tokens: int) -> None:
    """Stream one greedy answer of exactly `tokens` tokens."""
    request = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "stream": True}
    server.handle_completions({**request, "cache_prompt": False}, lambda _chunk: None)


def main() -> None:
    """Answer requests until stdin closes."""
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    server = start(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    answer(server, "warm", 8)
    output.write("{}\n")
    for line in sys.stdin:
        request = json.loads(line)
        started = time.perf_counter()
        threads = [
            threading.Thread(target=answer, args=(server, prompt, request["tokens"]))
            for prompt in request["prompts"]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = request["tokens"] * len(threads) / (time.perf_counter() - started)
        output.write(json.dumps({"total_tokens_per_s": rate}) + "\n")


if __name__ == "__main__":
    main()
