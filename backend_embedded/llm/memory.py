"""Whether a model and its context fit in the memory that is free."""

from __future__ import annotations

import psutil

from backend_embedded.errors import NotEnoughMemory
from backend_embedded.llm.files.gguf import GgufFile

OVERHEAD_BYTES = 192 * 1024 * 1024
"""The process itself and llama.cpp's buffers for one batch."""
FLOAT_BYTES = 4
VECTORS_A_TOKEN = 6
"""What a layer holds of each token at the same time, in vectors of the model's width."""


def needed_bytes(header: GgufFile, context_size: int) -> int:
    """Memory for a model: its file, the cache of its context, and what llama.cpp adds."""
    tokens = min(context_size, header.context_length) if header.context_length else context_size
    cache_bytes = tokens * header.kv_bytes_per_token
    read_bytes = whole_text_bytes(header, tokens) if header.embeds else 0
    return header.size_bytes + cache_bytes + read_bytes + OVERHEAD_BYTES


def whole_text_bytes(header: GgufFile, tokens: int) -> int:
    """Buffers of a model that reads a text of so many tokens at once, as those for vectors do.

    Each head compares all tokens with all, and a mask says which count. Equal to what llama.cpp reserves for a
    BERT with 32 to 256 numbers a vector, 4 and 8 heads, and 512 to 4096 tokens, within some percent.
    """
    compared = tokens * tokens * (header.heads + 1)
    return FLOAT_BYTES * (compared + VECTORS_A_TOKEN * header.width * tokens)


def free_bytes() -> int:
    """Memory that can be had without swapping."""
    return int(psutil.virtual_memory().available)


def check_memory(name: str, header: GgufFile, context_size: int, free: int) -> None:
    """Refuse a model that would not fit, before anything is started.

    Raises:
        NotEnoughMemory: with the sizes.
    """
    needed = needed_bytes(header, context_size)
    if needed > free:
        raise NotEnoughMemory(
            f"{name} needs about {_mib(needed)} MiB of memory with a context of {context_size} tokens; "
            f"{_mib(free)} MiB are free.",
            remedy="Close other programs, choose a smaller context in the settings, or use a smaller model.",
            needed_bytes=needed,
            free_bytes=free,
            context_size=context_size,
        )


def _mib(size_bytes: int) -> int:
    return round(size_bytes / 1024 / 1024)
