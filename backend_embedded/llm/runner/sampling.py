"""Sampler chains of llama.cpp from a request's options."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from backend_embedded.llm.runner.protocol import RequestFailed, Sampling

_GRAMMAR_REMEDY = "Correct it, or ask without it."


class Sampler:
    """The chain of one request: llama.cpp keeps the state, `close` frees it.

    Args:
        llama: the low-level bindings.
        vocab: the model's vocabulary.
        vocab_size: tokens in it.
        schema_to_grammar: turns the text of a JSON schema into a GBNF grammar.
        options: the request's.

    Raises:
        RequestFailed: a schema or grammar that cannot be used.
    """

    def __init__(
        self,
        llama: Any,
        vocab: Any,
        vocab_size: int,
        schema_to_grammar: Callable[[str], str],
        options: Sampling,
    ) -> None:
        self._llama = llama
        self.seed = options.seed if options.seed is not None else secrets.randbelow(2**32 - 1)
        grammar = _grammar_text(options, schema_to_grammar)
        links = [*self._grammar_links(vocab, grammar), *self._choice_links(vocab_size, options)]
        parameters = llama.llama_sampler_chain_default_params()
        self.chain = llama.llama_sampler_chain_init(parameters)
        for link in links:
            llama.llama_sampler_chain_add(self.chain, link)

    def close(self) -> None:
        """Free the chain."""
        if self.chain is not None:
            self._llama.llama_sampler_free(self.chain)
            self.chain = None

    def _grammar_links(self, vocab: Any, grammar: str | None) -> Iterator[Any]:
        if grammar is None:
            return
        link = self._llama.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
        if not link:
            raise RequestFailed("INVALID_INPUT", "The grammar is not valid GBNF.", _GRAMMAR_REMEDY)
        yield link

    def _choice_links(self, vocab_size: int, options: Sampling) -> Iterator[Any]:
        llama = self._llama
        penalties = (options.repeat_penalty, options.frequency_penalty, options.presence_penalty)
        if options.repeat_last_n and penalties != (1.0, 0.0, 0.0):
            yield llama.llama_sampler_init_penalties(vocab_size, options.repeat_last_n, *penalties)
        if options.temperature == 0:
            yield llama.llama_sampler_init_greedy()
            return
        if options.top_k:
            yield llama.llama_sampler_init_top_k(options.top_k)
        if options.top_p < 1:
            yield llama.llama_sampler_init_top_p(options.top_p, 1)
        if options.min_p > 0:
            yield llama.llama_sampler_init_min_p(options.min_p, 1)
        yield llama.llama_sampler_init_temp(options.temperature)
        yield llama.llama_sampler_init_dist(self.seed)


def _grammar_text(options: Sampling, schema_to_grammar: Callable[[str], str]) -> str | None:
    if options.json_schema is None:
        return options.grammar
    if options.grammar is not None:
        raise RequestFailed("INVALID_INPUT", "Give a JSON schema or a grammar, not both.")
    if _has_remote_reference(options.json_schema):
        raise RequestFailed(
            "INVALID_INPUT", "The JSON schema refers to another document.", "Put it all in one."
        )
    try:
        return schema_to_grammar(json.dumps(options.json_schema))
    except Exception as error:  # the converter raises whatever it stumbles over
        raise RequestFailed(
            "INVALID_INPUT", f"The JSON schema cannot be used: {error}", _GRAMMAR_REMEDY
        ) from error


def _has_remote_reference(schema: object) -> bool:
    match schema:
        case {"$ref": str(reference)} if not reference.startswith("#"):
            return True
        case dict():
            return any(_has_remote_reference(value) for value in schema.values())
        case list():
            return any(_has_remote_reference(value) for value in schema)
    return False
