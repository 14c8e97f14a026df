"""Names of models as other programs write them."""

from __future__ import annotations

from collections.abc import Sequence

from backend_embedded.api.doors.failures import BadRequest, unknown_model
from backend_embedded.contract.models import Model
from backend_embedded.llm.port import LanguageModel

LATEST = ":latest"


async def find_model(models: LanguageModel, name: str, *, pull: bool = False) -> Model:
    """The model that a name means; an absent tag is `latest`, and case does not count.

    Raises:
        BadRequest: there is no name.
        ModelNotFound: there is no such model.
    """
    if not name:
        raise BadRequest("model is required", "model")
    found = among(await models.models(), name)
    if found is None:
        raise unknown_model(name, pull=pull)
    return found


def among(models: Sequence[Model], name: str) -> Model | None:
    """The model of that name."""
    exact = next((model for model in models if model.name == name), None)
    if exact is not None:
        return exact
    wanted = _plain(name)
    return next((model for model in models if _plain(model.name) == wanted), None)


def _plain(name: str) -> str:
    return name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/").removesuffix(LATEST)
