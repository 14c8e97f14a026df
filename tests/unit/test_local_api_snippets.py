from __future__ import annotations

import ast
import json
import shlex

import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.local_api import LocalApiInfo
from backend_embedded.contract.settings import LocalApi
from ui.settings.snippets import OPEN_KEY, snippets

API = ScriptedBackend().door


def text_of(title: str, api: LocalApiInfo = API) -> str:
    return next(one.text for one in snippets(api, "tiny", api.key) if one.title == title)


def test_the_curl_line_is_a_command_with_a_json_body() -> None:
    words = shlex.split(text_of("curl"))
    assert words[1] == "http://127.0.0.1:10010/v1/chat/completions"
    assert f"Authorization: Bearer {API.key}" in words
    assert json.loads(words[-1])["model"] == "tiny"


@pytest.mark.parametrize("title", ["Python, ollama", "Python, openai"])
def test_the_lines_for_python_are_python_with_the_key(title: str) -> None:
    ast.parse(text_of(title))
    assert API.key in text_of(title)


def test_an_open_door_needs_no_key() -> None:
    api = API.model_copy(update={"mode": LocalApi.OPEN})
    assert all(API.key not in one.text for one in snippets(api, "tiny", api.key))
    assert OPEN_KEY in text_of("Python, openai", api)


def test_a_closed_door_has_no_lines() -> None:
    assert snippets(API.model_copy(update={"mode": LocalApi.OFF}), "tiny", API.key) == ()
