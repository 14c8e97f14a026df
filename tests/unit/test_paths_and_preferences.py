"""Where an instance keeps things, and what its window remembers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.paths import home_paths
from app.preferences import FILE_NAME, Preferences, PreferenceStore, decode, load
from backend_embedded.contract.launch import HomePaths


def test_a_home_holds_everything(tmp_path: Path) -> None:
    paths = home_paths(str(tmp_path / "h"), {"SUTAZAI_HOME": "/elsewhere", "XDG_DATA_HOME": "/x"})
    paths.create()
    assert {folder.name for folder in (tmp_path / "h").iterdir()} == {
        "config",
        "data",
        "state",
        "cache",
        "models",
        "run",
    }
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in paths.folders())
    assert HomePaths.model_validate(paths.as_wire()).models == str(tmp_path / "h" / "models")


def test_the_environment_names_a_home(tmp_path: Path) -> None:
    assert home_paths(None, {"SUTAZAI_HOME": str(tmp_path)}).run == tmp_path / "run"


def test_a_relative_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_paths("here", {}).data == tmp_path / "here" / "data"


def test_xdg_folders_are_used_without_a_home(tmp_path: Path) -> None:
    names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    environment = {name: str(tmp_path / name) for name in names}
    (tmp_path / "XDG_RUNTIME_DIR").mkdir()
    paths = home_paths(None, environment)
    assert paths.config == tmp_path / "XDG_CONFIG_HOME" / "sutazai"
    assert paths.models == tmp_path / "XDG_DATA_HOME" / "sutazai" / "models"
    assert paths.run == tmp_path / "XDG_RUNTIME_DIR" / "sutazai"


def test_xdg_folders_that_are_not_absolute_are_ignored(tmp_path: Path) -> None:
    paths = home_paths(None, {"XDG_STATE_HOME": "relative", "XDG_RUNTIME_DIR": str(tmp_path / "missing")})
    assert paths.run == Path.home() / ".local/state/sutazai/run"


def test_the_last_change_is_written_whole(tmp_path: Path) -> None:
    failures: list[str] = []
    with ThreadPoolExecutor(1) as thread:
        store = PreferenceStore(tmp_path, Preferences(), thread, failures.append)
        for percent in range(75, 151):
            store.change(text_percent=percent)
        store.change(theme="dark")
        store.set("window.page", "chat")
        assert store.get("window.page") == "chat"
    assert load(tmp_path) == (store.value, "")
    assert store.value == Preferences(theme="dark", text_percent=150, kept={"window.page": "chat"})
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]
    assert failures == []


def test_a_write_that_fails_is_told(tmp_path: Path) -> None:
    failures: list[str] = []
    with ThreadPoolExecutor(1) as thread:
        PreferenceStore(tmp_path / "missing", Preferences(), thread, failures.append).change(theme="dark")
    assert len(failures) == 1
    assert "could not be written" in failures[0]


@pytest.mark.parametrize("text", ["{", "[]", "", "\x00"])
def test_a_broken_file_is_set_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    preferences, notice = load(tmp_path)
    assert preferences == Preferences()
    assert "set aside" in notice
    assert (tmp_path / (FILE_NAME + ".broken")).read_text() == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([*Preferences.__dataclass_fields__, "unknown"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS, VALUES))
def test_any_object_gives_usable_preferences(found: dict[str, object]) -> None:
    preferences = decode(json.dumps(found))
    assert preferences.theme in ("system", "light", "dark")
    assert 75 <= preferences.text_percent <= 200
    assert isinstance(preferences.kept, dict)
    assert isinstance(preferences.welcomed, bool)
