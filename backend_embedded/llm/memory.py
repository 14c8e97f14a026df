"""Whether a model and its context fit in the memory that is free."""

from __future__ import annotations

import psutil

from backend_embedded.errors import NotEnoughMemory
from backend_embedded.llm.gguf import GgufFile

OVERHEAD_BYTES = 192 * 1024 * 1024
"""The process itself and llama.cpp's buffers for one batch."""


def needed_bytes(header: GgufFile, context_size: int) -> int:
    """Memory for a model: its file, the cache of its context, and what llama.cpp adds."""
    tokens = min(context_size, header.context_length) if header.context_length else context_size
    return header.size_bytes + tokens * header.kv_bytes_per_token + OVERHEAD_BYTES


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
