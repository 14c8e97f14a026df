"""Rules of the tree that no linter knows."""

from __future__ import annotations

import ast
import gc
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app", "ui", "backend_embedded", "packaging", "tests")
PINS = sorted((ROOT / "packaging").glob("requirements*.txt"))
FORBIDDEN = (
    r"\bTO" + r"DO\b",
    r"\bFIX" + r"ME\b",
    r"/" + r"work/(?:main|shared)",
    r"\b(?:pypi|pythonhosted|npmjs|crates)\.(?:org|io|com)\b",
)
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".sh", ".css", ".svg", ".ini", ".cfg", ".mako", ""}
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "misc", "common", "base", "manager"}


def tracked() -> list[Path]:
    """The files that belong to the project: tracked by git, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this copy of the tree has no git folder to list its files by")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_no_forbidden_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path.suffix in TEXT
        for match in re.finditer("|".join(FORBIDDEN), path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


def test_no_package_file_where_one_would_hide_another_package() -> None:
    assert [
        path
        for folder in ("packaging", "tests", "resources")
        for path in (ROOT / folder).rglob("__init__.py")
    ] == []


def test_packaging_is_the_library() -> None:
    code = "import packaging.version, sys; print(packaging.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "site-packages" in done.stdout


def test_no_drawer_for_everything() -> None:
    assert [
        path for path in modules(*CODE) if path.stem in EMPTY_WORDS or path.parent.name in EMPTY_WORDS
    ] == []


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in modules("tests") if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_stub() -> None:
    code = modules("app", "ui", "backend_embedded", "packaging")
    assert [path for path in code if "NotImplementedError" in path.read_text(encoding="utf-8")] == []


def test_every_module_says_its_job() -> None:
    silent = []
    for path in modules(*CODE):
        if path.name.startswith("test_"):
            continue  # its name and its tests' names say it
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if not text or not text.splitlines()[0].strip():
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_no_exemption_from_the_type_check() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
    assert "overrides" not in settings
    assert not any(name.startswith(("ignore", "disable", "allow", "exclude")) for name in settings)


def test_no_exemption_from_the_import_rules() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    ignored = [line for contract in contracts for line in contract.get("ignore_imports", [])]
    assert all(line.endswith("-> backend_embedded.contract.**") for line in ignored)


@pytest.mark.parametrize("pins", PINS, ids=lambda path: path.name)
def test_pins_have_hashes_and_no_index(pins: Path) -> None:
    text = pins.read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert requirements
    assert [entry.split()[0] for entry in requirements if "--hash=sha256:" not in entry] == []
    assert re.search(r"index-url|find-links|https?:", text) is None


def test_pins_cover_what_the_program_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[<>=;~! ]", name)[0].lower() for name in project["dependencies"]}
    pinned = set(
        re.findall(r"^([a-z0-9._-]+)==", (ROOT / "packaging/requirements.txt").read_text(), re.MULTILINE)
    )
    assert {name.replace("_", "-") for name in wanted} - pinned == set()


def test_qt_does_not_steal_references_to_none() -> None:
    """PySide6 6.12.0 does on Python 3.11, and ends the process after some thousand calls."""
    from PySide6.QtCore import QObject

    gc.collect()
    before = sys.getrefcount(None)
    thing = QObject()
    for _ in range(300):
        thing.setObjectName("x")
    assert sys.getrefcount(None) > before - 200, importlib.metadata.version("PySide6-Essentials")
