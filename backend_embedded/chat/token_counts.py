"""Tokens of texts and prompts by the model's own tokenizer, remembered so that a text is counted once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from backend_embedded.contract.generation import ChatTurn, Role
from backend_embedded.llm.port import LanguageModel, Prompt

LARGEST_CACHE = 50_000
"""Counts that are kept: a key and a number each, some ten megabytes in all."""
_PROBE = "a"

_Key = tuple[str, bytes]


class TokenCounts:
    """Counts with a model, and remembers the counts by model and text.

    Args:
        model: whose tokenizer and template count.
        largest: counts that are kept.
    """

    def __init__(self, model: LanguageModel, largest: int = LARGEST_CACHE) -> None:
        self._model = model
        self._largest = largest
        self._texts: OrderedDict[_Key, int] = OrderedDict()
        self._templates: dict[str, tuple[int, int]] = {}

    async def texts(self, texts: Sequence[str], model: str) -> list[int]:
        """Tokens of each text by itself; those that are not known yet are counted in one round trip."""
        keys = [_key(model, text) for text in texts]
        found = {key: known for key in keys if (known := self._known(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if text and key not in found}
        if missing:
            counted = await self._model.count_texts(tuple(missing.values()), model)
            counts = dict(zip(missing, counted, strict=True))
            self._remember(counts)
            found |= counts
        return [found[key] if text else 0 for key, text in zip(keys, texts, strict=True)]

    async def prompt(self, turns: Sequence[ChatTurn], model: str, *, continue_last: bool = False) -> int:
        """Tokens of a whole prompt with its template."""
        return await self._model.count_tokens(
            Prompt(turns=tuple(turns), continue_last=continue_last, model=model)
        )

    async def template(self, model: str) -> tuple[int, int]:
        """What the model's template adds: around everything, and to each turn. Estimated from two prompts."""
        if model not in self._templates:
            one = (ChatTurn(role=Role.USER, content=_PROBE),)
            three = (*one, ChatTurn(role=Role.ASSISTANT, content=_PROBE), *one)
            (text,) = await self.texts([_PROBE], model)
            short, long = await self.prompt(one, model), await self.prompt(three, model)
            each = max(0, -(-(long - short - 2 * text) // 2))
            self._templates[model] = (max(0, short - text - each), each)
        return self._templates[model]

    def _known(self, key: _Key) -> int | None:
        count = self._texts.get(key)
        if count is not None:
            self._texts.move_to_end(key)
        return count

    def _remember(self, found: dict[_Key, int]) -> None:
        self._texts.update(found)
        while len(self._texts) > self._largest:
            self._texts.popitem(last=False)


def _key(model: str, text: str) -> _Key:
    return (model, hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest())
