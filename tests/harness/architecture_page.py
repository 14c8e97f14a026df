"""The table of packages in `docs/architecture.md` and the import graph that it must equal.

`python tests/harness/architecture_page.py` rewrites the table's arrows; what a package is for is kept.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
ROOTS = ("app", "ui", "backend_embedded")
WHOLE = ("app",)
"""Roots that are one box of the picture; the others are a box for each child."""
BEGIN, END = "<!-- packages -->", "<!-- end of packages -->"


@dataclass(frozen=True)
class Row:
    """One package: what it is for and what it imports."""

    purpose: str
    imports: tuple[str, ...]


def box_of(module: str) -> str:
    """The package of the table that a module belongs to."""
    parts = module.split(".")
    return parts[0] if parts[0] in WHOLE else ".".join(parts[:2])


def real_arrows() -> dict[str, tuple[str, ...]]:
    """For each package of the program the others that its code imports."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    arrows: dict[str, set[str]] = {}
    for module in graph.modules:
        box = box_of(module)
        if box in ROOTS and box not in WHOLE:
            continue  # an `__init__` that only has a docstring
        targets = {box_of(found) for found in graph.find_modules_directly_imported_by(module)}
        arrows.setdefault(box, set()).update(targets - {box, *ROOTS})
    return {box: tuple(sorted(found)) for box, found in sorted(arrows.items())}


def table_of(page: str) -> dict[str, Row]:
    """The rows that the page has now."""
    inside = page.partition(BEGIN)[2].partition(END)[0]
    rows: dict[str, Row] = {}
    for line in inside.strip().splitlines()[2:]:
        name, purpose, imports = (cell.strip() for cell in line.strip().strip("|").split("|"))
        found = tuple(part.strip().strip("`") for part in imports.split(",") if part.strip().strip("`—"))
        rows[name.strip("`")] = Row(purpose, found)
    return rows


def rewritten(page: str) -> str:
    """The page with the arrows as they are in the code."""
    known = table_of(page)
    lines = ["| package | what it is for | imports |", "|---|---|---|"]
    for box, imports in sorted(real_arrows().items(), key=lambda item: rank(item[0])):
        purpose = known[box].purpose if box in known else first_sentence(box)
        lines.append(f"| `{box}` | {purpose} | {', '.join(f'`{name}`' for name in imports) or '—'} |")
    head, tail = page.partition(BEGIN)[0], page.partition(END)[2]
    return head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail


def rank(box: str) -> tuple[int, str]:
    """Order of the table: the desktop first, the backend last."""
    return ROOTS.index(box.split(".")[0]), box


def first_sentence(box: str) -> str:
    """First line of the docstring of a package or module."""
    place = ROOT / box.replace(".", "/")
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    line = source.read_text(encoding="utf-8").split('"""')[1].splitlines()[0] if source.exists() else ""
    return line.rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
