"""llama-cpp-python's low-level bindings without the rest of its package."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SPINS = "30000"
"""Turns that a thread spins for the others before it sleeps.

Measured on two busy cores with the starter model: OpenMP's own 300,000 fall from 108 to 7 tokens/s when other
programs want the cores, this to 41; on quiet ones both are the same; sleeping at once gives 25.
"""


@dataclass(frozen=True, slots=True)
class Bindings:
    """The C functions, and the converter of JSON schemas to grammars."""

    llama: Any
    schema_to_grammar: Callable[[str], str]


def load_bindings() -> Bindings:
    """Import the two modules that are needed.

    The package's own `__init__` imports numpy, a disk cache and a server's types, which costs more time and
    memory than all else in the runner; so the package is entered without running it.

    Raises:
        ImportError: llama.cpp is not built on this machine.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when llama.cpp is loaded
    # When llama.cpp gives up, its reason is to be the last line; it would start a debugger for a trace of calls.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None:
        raise ImportError("llama_cpp is not installed")
    sys.modules["llama_cpp"] = importlib.util.module_from_spec(spec)
    llama = importlib.import_module("llama_cpp.llama_cpp")
    return Bindings(llama, _schema_to_grammar)


def _schema_to_grammar(schema: str) -> str:
    grammar = importlib.import_module("llama_cpp.llama_grammar")
    return str(grammar.json_schema_to_gbnf(schema))
