"""The design tokens as typed values, read once from `resources/themes/tokens.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class TypeStyle:
    """One text style.

    Attributes:
        px: size in pixels at text size 1.
        weight: 400, 500 or 600.
        line_px: height of a line in pixels at text size 1.
        mono: drawn in the fixed-width family.
    """

    px: int
    weight: int
    line_px: int
    mono: bool


@dataclass(frozen=True)
class Tokens:
    """All values of the design.

    Attributes:
        colors: token to theme name to `#RRGGBB`.
        styles: text styles by name.
        scrim_opacity: darkness behind the palette, by theme name.
        shadow_alpha: opacity of one step of the soft shadow, by theme name.
        text_size_steps: the factors of the text size that a user can choose.
        stroke_at: stroke width of icons by size in pixels, in units of their 24 box.
        motion_ms: durations by name.
        sizes_px: heights and widths by name.
        ui_family: family of the interface.
        mono_family: family of code.
    """

    colors: Mapping[str, Mapping[str, str]]
    styles: Mapping[str, TypeStyle]
    scrim_opacity: Mapping[str, float]
    shadow_alpha: Mapping[str, float]
    text_size_steps: tuple[float, ...]
    stroke_at: Mapping[int, float]
    motion_ms: Mapping[str, int]
    sizes_px: Mapping[str, int]
    ui_family: str
    mono_family: str


def load_tokens() -> Tokens:
    """Read the token file of this program."""
    found = json.loads(files("resources").joinpath("themes/tokens.json").read_text(encoding="utf-8"))
    return Tokens(
        colors={name: {"light": c["light"], "dark": c["dark"]} for name, c in found["color"].items()},
        styles={
            name: TypeStyle(s["px"], s["weight"], s["line"], s.get("family") == "mono")
            for name, s in found["type"].items()
        },
        scrim_opacity=found["opacity"]["scrim"],
        shadow_alpha=found["shadow"]["raised"]["alphaPerStep"],
        text_size_steps=tuple(found["textSizeSteps"]),
        stroke_at={int(size): stroke for size, stroke in found["icon"]["strokeAt"].items()},
        motion_ms=found["motion"],
        sizes_px={**found["height"], **found["width"]},
        ui_family=found["font"]["ui"],
        mono_family=found["font"]["mono"],
    )
