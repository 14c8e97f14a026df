"""Refused calls of the models page in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.models.state import Failure

if TYPE_CHECKING:
    from backend_embedded.contract.errors import ErrorBody


def failure(title: str, body: ErrorBody) -> Failure:
    """A refused call in words."""
    return Failure(title, " ".join(part for part in (body.message, body.remedy) if part))
