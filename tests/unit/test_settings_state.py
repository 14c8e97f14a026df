from __future__ import annotations

import pytest

from backend_embedded.contract.models import BuildFailure, Engine, EngineState, Model
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from ui.settings import words
from ui.settings.state import (
    FIELDS,
    FieldName,
    NotAccepted,
    SettingsState,
    keep_alive_options,
    model_options,
    nearest_text_percent,
    next_text_percent,
    patch_of,
    text_of,
)


def model(name: str, problem: str | None = None) -> Model:
    return Model(
        name=name, title=name.title(), provider="llama.cpp", path=f"/{name}", size_bytes=1, problem=problem
    )


@pytest.mark.parametrize(
    ("name", "text", "patch"),
    [
        ("models_folder", " '/srv/models' ", SettingsPatch(models_folder="/srv/models")),
        ("models_folder", "", SettingsPatch(models_folder="")),
        ("default_model", "tiny", SettingsPatch(default_model="tiny")),
        ("threads", "", SettingsPatch(threads=0)),
        ("threads", "8", SettingsPatch(threads=8)),
        ("context_size", "8,192", SettingsPatch(context_size=8192)),
        ("context_size", "8 192", SettingsPatch(context_size=8192)),
        ("keep_alive_s", "-1", SettingsPatch(keep_alive_s=-1)),
        ("read_ahead", "off", SettingsPatch(read_ahead=False)),
        ("propose_titles", "on", SettingsPatch(propose_titles=True)),
    ],
)
def test_what_is_typed_becomes_a_change_of_one_field(
    name: FieldName, text: str, patch: SettingsPatch
) -> None:
    assert patch_of(name, text) == patch
    assert patch_of(name, text).model_fields_set == {name}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("models_folder", "models", "whole path"),
        ("threads", "many", "whole number from 0 to 256"),
        ("threads", "257", "257 is not between 0 and 256"),
        ("context_size", "", "whole number from 256 to 1,048,576"),
        ("context_size", "12", "12 is not between"),
        ("keep_alive_s", "-2", "not between"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(name: FieldName, text: str, says: str) -> None:
    with pytest.raises(NotAccepted, match=says):
        patch_of(name, text)


def test_a_setting_that_is_shown_and_typed_again_stays_the_same() -> None:
    settings = BackendSettings(models_folder="/m", default_model="a", threads=3, keep_alive_s=-1)
    for name in FIELDS:
        assert getattr(patch_of(name, text_of(settings, name)), name) == getattr(settings, name)


def test_a_typed_text_is_shown_before_the_value_in_use() -> None:
    state = SettingsState(settings=BackendSettings(threads=2), typed={"threads": "9x"})
    assert state.shown("threads") == "9x"
    assert state.shown("context_size") == "4096"
    assert SettingsState().shown("context_size") == ""


def test_models_that_cannot_be_used_are_not_offered_and_a_lost_one_is_named() -> None:
    state = SettingsState(
        settings=BackendSettings(default_model="gone"), models=(model("tiny"), model("bad", "truncated"))
    )
    assert model_options(state) == [("", "Automatic"), ("tiny", "Tiny"), ("gone", "gone (not found)")]


def test_a_time_that_was_set_elsewhere_is_in_the_list() -> None:
    assert ("42", "42 s") in keep_alive_options(SettingsState(settings=BackendSettings(keep_alive_s=42)))
    assert len(keep_alive_options(SettingsState(settings=BackendSettings()))) == 6


def test_text_grows_and_shrinks_by_the_offered_sizes() -> None:
    assert [next_text_percent(size, 1) for size in (90, 100, 107, 150)] == [100, 115, 115, 150]
    assert [next_text_percent(size, -1) for size in (150, 107, 90)] == [130, 100, 90]
    assert nearest_text_percent(200) == 150


def test_it_says_why_it_is_locked_and_what_can_be_done_with_the_engine() -> None:
    missing, building = Engine(state=EngineState.MISSING), Engine(state=EngineState.BUILDING)
    assert "not connected" in SettingsState().locked_because
    assert SettingsState(connected=True).locked_because == "The settings are being read."
    assert SettingsState(connected=True, settings=BackendSettings()).locked_because == ""
    assert SettingsState(connected=True, engine=missing).can_build
    assert not SettingsState(engine=missing).can_build
    assert not SettingsState(connected=True, engine=building).can_build
    assert SettingsState(connected=True, engine=building).can_cancel_build


def test_every_failed_build_has_its_own_title_and_a_way_out() -> None:
    told = [words.of_engine(Engine(state=EngineState.FAILED, failure=failure)) for failure in BuildFailure]
    assert len({each.title for each in told}) == len(BuildFailure)
    assert all(each.line for each in told)
    assert {each.glyph for each in told} == {"down"}


def test_the_backends_own_words_about_a_failed_build_come_first() -> None:
    engine = Engine(state=EngineState.FAILED, failure=BuildFailure.DISK_FULL, message="0.2 GB are free.")
    assert words.of_engine(engine).line == "0.2 GB are free."


def test_progress_of_a_build_in_words() -> None:
    engine = Engine(state=EngineState.BUILDING, phase="compiling", step=41, steps=186, elapsed_s=72.4)
    assert words.build_progress(engine) == "Compiling, 41 of 186 steps, 1 min 12 s"
    assert words.build_share(engine) == pytest.approx(41 / 186)
    early = Engine(state=EngineState.BUILDING, phase="fetching")
    assert words.build_progress(early) == "Fetching"
    assert words.build_share(early) is None


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("", ""),
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        (' "https://ollama.example/" ', "https://ollama.example"),
    ],
)
def test_addresses_are_completed(typed: str, taken: str) -> None:
    assert patch_of("ollama_url", typed).ollama_url == taken
    assert patch_of("proxy", typed).proxy == taken


@pytest.mark.parametrize("typed", ["ftp://a", "http://", "http://a b"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(NotAccepted, match="Type an address"):
        patch_of("ollama_url", typed)
