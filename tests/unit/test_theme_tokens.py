"""The contrasts of the design, computed anew from the token file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ui.widgets.chip import CAP_ON_SELECTED

FOUND = json.loads((Path(__file__).resolve().parents[2] / "resources/themes/tokens.json").read_text())
COLORS = FOUND["color"]
SURFACES = ("window", "rail", "card", "raised", "input", "sunken", "selected", "user", "hover", "button")
BELOW_TEXT2 = ("pressed", "buttonHover")
SOFT = ("okSoft", "degradedSoft", "downSoft", "infoSoft")
STATE_SURFACES = ("window", "rail", "card", "raised", "sunken", "selected")
SERIES = [f"s{number}" for number in range(1, 9)]
PAIRS = [
    *((token, on, 4.5) for token in ("text", "text2") for on in (*SURFACES, *BELOW_TEXT2, *SOFT)),
    *(("text3", on, 4.5) for on in SURFACES if on != "button"),
    *((t, on, 4.5) for t in ("ok", "degraded", "down", "info") for on in (*STATE_SURFACES, f"{t}Soft")),
    *((token, "sunken", 4.5) for token in COLORS if token.startswith("syn")),
    *(("onAccent", on, 4.5) for on in ("accent", "accentHover", "accentPressed")),
    *(("control", on, 3.0) for on in ("window", "card", "raised", "input")),
    *(("accent", on, 3.0) for on in SURFACES),
    *((token, on, 3.0) for token in SERIES for on in ("card", "window")),
]


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_allowed_pair_can_be_read(theme: str) -> None:
    weak = {
        f"{token} on {on}": round(found, 2)
        for token, on, least in PAIRS
        if (found := contrast(COLORS[token][theme], COLORS[on][theme])) < least
    }
    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_stated_contrasts_are_true(theme: str) -> None:
    wrong = {
        token: (stated[theme], round(found, 2))
        for token, color in COLORS.items()
        if (stated := color.get("minContrast"))
        and abs((found := contrast(color[theme], COLORS[stated[f"{theme}On"]][theme])) - stated[theme]) > 0.02
    }
    assert wrong == {}


def test_both_themes_have_every_colour() -> None:
    assert [token for token, color in COLORS.items() if not {"light", "dark"} <= set(color)] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_key_caps_stand_out_from_a_selected_row_and_their_text_from_them(theme: str) -> None:
    cap = COLORS[CAP_ON_SELECTED[theme]][theme]
    assert contrast(cap, COLORS["selected"][theme]) >= 1.15
    assert contrast(COLORS["text2"][theme], cap) >= 4.5
