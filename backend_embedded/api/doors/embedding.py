"""Vectors in the forms that clients ask for."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Sequence


def shortened(vector: Sequence[float], dimensions: int | None) -> Sequence[float]:
    """Its first dimensions, of length 1 again; the whole vector when none are named."""
    if not dimensions or dimensions >= len(vector):
        return vector
    first = vector[:dimensions]
    length = math.hypot(*first)
    return [value / length for value in first] if length else first


def as_base64(vector: Sequence[float]) -> str:
    """Its 32-bit floats, little-endian, in base64."""
    floats = array("f", vector)
    return base64.b64encode(floats.tobytes()).decode()
