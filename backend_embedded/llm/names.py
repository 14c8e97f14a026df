"""Names of models and of who provides them, and which model is meant when none is named."""

from __future__ import annotations

from collections.abc import Sequence

from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings

LLAMA_CPP = "llama.cpp"
OLLAMA = "ollama"
OLLAMA_PRODUCT = "Ollama"
"""As people write it."""
LATEST = ":latest"


def short_name(name: str) -> str:
    """A model's name as people say it: without the tag that is meant anyway."""
    return name.removesuffix(LATEST)


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: an absent tag is `latest`, case does not count."""
    return short_name(one).lower() == short_name(other).lower()


def default_among(models: Sequence[Model], settings: BackendSettings) -> Model | None:
    """The model to ask when none is named: as set, else the default's namesake, else TinyLlama, else the first."""
    talkers = [model for model in models if not model.embeds]
    for wanted in (settings.ollama_model, settings.default_model):
        found = next((model for model in talkers if wanted and same_model(model.name, wanted)), None)
        if found is not None:
            return found
    tiny = next((model for model in talkers if model.name.startswith("tinyllama")), None)
    return tiny or next(iter(talkers), None)
