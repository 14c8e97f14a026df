"""Lines to copy into other programs, so that they use the local API."""

from __future__ import annotations

from dataclasses import dataclass

from ui.settings.port import LocalApiFacts

OPEN_KEY = "unused"
"""Clients that want a key even where none is asked for."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines for one program.

    Attributes:
        title: of the program.
        caption: where the lines go.
        text: the lines.
    """

    title: str
    caption: str
    text: str


def snippets(api: LocalApiFacts, model: str, key: str) -> tuple[Snippet, ...]:
    """The lines for each program; none when the local API is off.

    Args:
        api: addresses and mode.
        model: name of a model to ask.
        key: what stands in the place of the key.
    """
    if api.mode == "off" or not api.url:
        return ()
    with_key = api.mode == "key"
    url, ollama = api.url.rstrip("/"), (api.ollama_url or api.url).rstrip("/")
    return (
        Snippet("curl", "In a terminal.", _curl(url, model, key if with_key else "")),
        Snippet(
            "Python, ollama",
            "The official client: pip install ollama.",
            _ollama(ollama, model, key if with_key else ""),
        ),
        Snippet(
            "Python, openai",
            "The official client: pip install openai.",
            _openai(url, model, key if with_key else OPEN_KEY),
        ),
        Snippet(
            "Editor plug-in",
            "Continue for VS Code and JetBrains: config.yaml.",
            _editor(url, model, key if with_key else OPEN_KEY),
        ),
    )


def _curl(url: str, model: str, key: str) -> str:
    header = f'  -H "Authorization: Bearer {key}" \\\n' if key else ""
    return (
        f"curl {url}/v1/chat/completions \\\n{header}"
        '  -H "Content-Type: application/json" \\\n'
        f'  -d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )


def _ollama(url: str, model: str, key: str) -> str:
    headers = f', headers={{"Authorization": "Bearer {key}"}}' if key else ""
    return (
        "from ollama import Client\n"
        f'client = Client(host="{url}"{headers})\n'
        f'answer = client.chat(model="{model}", messages=[{{"role": "user", "content": "Hello"}}])\n'
        "print(answer.message.content)"
    )


def _openai(url: str, model: str, key: str) -> str:
    return (
        "from openai import OpenAI\n"
        f'client = OpenAI(base_url="{url}/v1", api_key="{key}")\n'
        f'answer = client.chat.completions.create(model="{model}",\n'
        '    messages=[{"role": "user", "content": "Hello"}])\n'
        "print(answer.choices[0].message.content)"
    )


def _editor(url: str, model: str, key: str) -> str:
    return (
        "models:\n"
        f"  - name: {model}\n"
        "    provider: openai\n"
        f"    model: {model}\n"
        f"    apiBase: {url}/v1\n"
        f"    apiKey: {key}"
    )
