"""Command-line tools that people have, unmodified, at the doors of `sutazai serve`: curl and the ollama program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from real_ollama import built

Tool = Callable[..., subprocess.CompletedProcess[str]]

SHIP = {"type": "object", "properties": {"afloat": {"type": "boolean"}}, "required": ["afloat"]}


@contextmanager
def door(home: Path, mode: str) -> Iterator[str]:
    """A backend whose doors are in this mode; its address."""
    child = subprocess.Popen(
        [sys.executable, "-m", "app", "--home", str(home), "serve", "--local-api", mode],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    with child.stdout as out:
        try:
            yield json.loads(out.readline())["url"]
        finally:
            child.terminate()
            child.wait(20)


def tool(program: str, home: Path, url: str) -> Tool:
    """A tool that runs with nothing of this machine's own settings."""
    environment = {"HOME": str(home), "OLLAMA_HOST": url, "TERM": "dumb", "PATH": os.environ["PATH"]}

    def run(*words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture
def curl(tmp_path: Path) -> Tool:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    run = tool(program, tmp_path, "")
    return lambda *words, **more: run("-sSN", "--noproxy", "*", *words, **more)


def model_of(url: str) -> str:
    tags = httpx.get(f"{url}/api/tags", trust_env=False, timeout=30).raise_for_status().json()
    name: str = tags["models"][0]["name"]
    return name


@pytest.mark.timeout(600)
def test_curl_reads_lines_events_and_refusals(tmp_path: Path, curl: Tool) -> None:
    with door(tmp_path / "home", "open") as url:
        body = {"model": model_of(url), "options": {"temperature": 0, "num_predict": 8}}
        asked = json.dumps({**body, "prompt": "Name one ship."})
        lines = [json.loads(line) for line in curl(f"{url}/api/generate", "-d", asked).stdout.splitlines()]
        assert len(lines) > 1
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        assert lines[-1]["eval_count"] <= 8
        turns = [{"role": "user", "content": "Name one ship."}]
        asked = json.dumps({"model": body["model"], "messages": turns, "stream": True, "max_tokens": 8})
        events = curl(
            f"{url}/v1/chat/completions", "-H", "Content-Type: application/json", "-d", asked
        ).stdout
        frames = [frame for frame in events.split("\n\n") if frame]
        assert all(frame.startswith("data: ") for frame in frames)
        assert frames[-1] == "data: [DONE]"
        assert json.loads(frames[0][6:])["object"] == "chat.completion.chunk"
        assert curl(f"{url}/").stdout == "Ollama is running"
        head = curl("-I", f"{url}/").stdout.splitlines()
        assert "200" in head[0]
        missing = curl("-w", "%{http_code}", f"{url}/api/show", "-d", '{"model": "nosuch"}').stdout
        assert missing.endswith("404")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["key", "off"])
def test_a_door_with_a_key_and_one_that_is_shut(tmp_path: Path, curl: Tool, mode: str) -> None:
    with door(tmp_path / "home", mode) as url:
        token = (tmp_path / "home" / "run" / "token").read_text().strip()
        own = curl("-H", f"Authorization: Bearer {token}", f"{url}/api/v1/local-api").stdout
        told = json.loads(own)["data"]
        assert told["mode"] == mode
        status = ("-o", os.devnull, "-w", "%{http_code}")
        assert curl(*status, f"{url}/api/tags").stdout == {"key": "401", "off": "403"}[mode]
        if mode == "key":
            key = ("-H", f"Authorization: Bearer {told['key']}")
            assert json.loads(curl(*key, f"{url}/api/tags").stdout)["models"]
            assert json.loads(curl(*key, f"{url}/v1/models").stdout)["object"] == "list"
            assert curl(*status, *key, "-H", "Host: evil.example", f"{url}/api/tags").stdout == "403"
            assert (
                curl(*status, *key, "-H", "Origin: http://evil.example", f"{url}/v1/models").stdout == "403"
            )


@pytest.mark.services
@pytest.mark.timeout(600)
def test_the_ollama_program_works_with_this_program_as_its_server(tmp_path: Path) -> None:
    program = str(built())
    with door(tmp_path / "home", "open") as url:
        ollama = tool(program, tmp_path, url)
        name = model_of(url)
        assert name in ollama("list").stdout
        shown = ollama("show", name).stdout
        assert "llama" in shown
        assert "Q4_1" in shown
        assert len(ollama("run", name, "Name one ship.").stdout.strip()) > 1
        assert name in ollama("ps").stdout
        # The program draws with a temperature and no seed: only an answer that a schema ends is sure.
        drawn = ollama("run", "--format", json.dumps(SHIP), name, "Is the ship afloat?").stdout
        assert list(json.loads(drawn)) == ["afloat"]
        ollama("stop", name)
        assert name not in ollama("ps").stdout
        ollama("cp", name, "a-copy")
        assert "a-copy" in ollama("list").stdout
        ollama("rm", "a-copy")
        assert "a-copy" not in ollama("list").stdout
        assert name in ollama("list").stdout
        assert "not found" in ollama("rm", "nosuch", status=1).stderr
        assert "not found" in ollama("show", "nosuch", status=1).stderr
