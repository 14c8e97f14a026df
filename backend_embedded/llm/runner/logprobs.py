"""Log probabilities of tokens, from the row of logits that one was chosen by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def token_logprobs(
    logits: Any, vocab_size: int, token: int, top: int, piece: Callable[[int], bytes]
) -> dict[str, Any]:
    """The chosen token and the `top` likeliest at its place, as `protocol.Text` tells them.

    They are those of the model itself, before temperature and the other options change them.

    Args:
        logits: llama.cpp's row, a pointer to `vocab_size` floats.
        piece: bytes of a token.
    """
    import numpy as np  # 15 MB and 60 ms that only who asks for this pays

    row = np.ctypeslib.as_array(logits, shape=(vocab_size,)).astype(np.float64)
    highest = row.max()
    log_sum = highest + np.log(np.exp(row - highest).sum())
    count = min(top, vocab_size)
    likeliest: list[int] = []
    if count:
        found = np.argpartition(row, -count)[-count:]
        likeliest = [int(one) for one in found[np.argsort(-row[found], kind="stable")]]

    def told(one: int) -> dict[str, Any]:
        data = piece(one)
        text = data.decode("utf-8", "replace")
        return {"text": text, "bytes": list(data), "logprob": float(row[one] - log_sum)}

    return told(token) | {"top": [told(one) for one in likeliest]}
