"""Writes every page and state of the window, in both themes and two sizes, to `build/screenshots`, to be looked at.

Drives the real program on a virtual screen, with the starter model.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "harness")]

from program import Program, running, stream_chat, wait_for  # noqa: E402
from screen import Screen, missing_tools, virtual_screen  # noqa: E402

SIZES = ((1280, 800), (1920, 1080))
THEMES = ("light", "dark")
RUNNER, BACKEND = "backend_embedded.llm.runner", "backend_embedded"
SECTIONS = ("models_folder", "engine", "paths", "about")
FULL = """## Backoff with jitter
Use **full jitter**: the wait is a *random* time below a bound that doubles. See [the article](https://example.org).

```python
async def retry(call, tries=5, base=0.2, cap=10.0):
    for n in range(tries):
        try:
            return await call()
        except TransientError:
            await asyncio.sleep(random.uniform(0, min(cap, base * 2**n)))  # spread
```

| Try | Bound | Mean wait |
|---|--:|--:|
| 1 | 0.20 s | 0.10 s |
| 2 | 0.40 s | 0.20 s |

1. The request is wrong: a `400` will be wrong again.
2. The effect is not idempotent.

> A retry is a promise that a second call can succeed.

Repeat the text above, word for word."""


class Gallery:
    """One window in one theme and size, and where its pictures go."""

    def __init__(self, program: Program, screen: Screen, folder: Path, name: str) -> None:
        self.program, self.screen, self.folder, self.name = program, screen, folder, name

    def shoot(self, state: str) -> None:
        """Take the picture when the screen has come to rest."""
        file = self.folder / f"{state}-{self.name}.png"
        before = b""

        def still() -> bool:
            nonlocal before
            self.screen.shoot(file)
            now = file.read_bytes()
            same, before = now == before, now
            return same

        wait_for(f"{state} is drawn", still, 20)
        print(file.relative_to(ROOT), flush=True)  # noqa: T201

    def moving(self, state: str) -> None:
        """Take the picture at once: the screen does not rest."""
        file = self.folder / f"{state}-{self.name}.png"
        self.screen.shoot(file)
        print(file.relative_to(ROOT), flush=True)  # noqa: T201

    def command(self, words: str) -> None:
        """Do an action by the palette."""
        self.screen.press("ctrl+k")
        self.screen.type(words)
        self.screen.press("Return")

    def all(self) -> None:
        """Every state, one after the other."""
        self.screen.focus(wait_for("the window", lambda: self.screen.window("SutazAI")))
        self.program.ready().close()
        self.shoot("welcome")
        self.screen.press("ctrl+k")
        self.shoot("palette")
        self.screen.type("ch")
        self.shoot("palette-typed")
        self.screen.press("Escape", "F1")
        self.shoot("shortcuts")
        self.screen.press("Escape")
        self.settings()
        self.chat()

    def settings(self) -> None:
        """Each section of the settings."""
        self.screen.press("ctrl+comma")
        self.shoot("settings-appearance")
        for section, words in zip(
            SECTIONS, ("models folder", "local engine", "show paths", "about"), strict=True
        ):
            self.command(words)
            self.shoot(f"settings-{section}")
        self.screen.press("ctrl+1")

    def chat(self) -> None:
        """Empty, writing, full, cut off by the runner, without a backend."""
        self.screen.press("ctrl+n")
        self.shoot("empty")
        self.ask_by_api(FULL)
        self.command("Backoff")
        self.shoot("full")
        self.screen.press("ctrl+n")
        self.screen.type("Write the numbers from 1 to 1000, one per line.")
        self.screen.press("Return")
        self.until_writing()
        self.moving("writing")
        self.kill(RUNNER)
        self.program.ready().close()
        self.shoot("error")
        self.screen.press("ctrl+r")
        self.until_writing()
        self.kill(BACKEND)
        self.moving("backend-lost")
        self.program.ready().close()

    def ask_by_api(self, content: str) -> None:
        """A conversation whose question is long and formatted, with a bounded answer."""
        with closing(self.program.ready()) as client:
            for _ in stream_chat(
                client, {"content": content, "options": {"max_tokens": 120, "temperature": 0}}
            ):
                pass

    def until_writing(self) -> None:
        """Wait until some text of the newest answer is there."""

        def probe() -> bool:
            client = self.program.client()
            if client is None:
                return False
            with closing(client):
                return any(message["text"] for message in newest_answers(client))

        wait_for("an answer is written", probe)

    def kill(self, module: str) -> None:
        """End a child as a crash does."""
        os.kill(wait_for(module, lambda: self.program.child(module)).pid, signal.SIGKILL)


def newest_answers(client: Any) -> list[dict[str, Any]]:
    """The last message of the newest conversation, when it is an answer."""
    conversations = client.get("/api/v1/conversations?limit=1").json()["data"]
    messages = client.get(f"/api/v1/conversations/{conversations[0]['id']}/messages").json()["data"]
    return [message for message in messages[-1:] if message["role"] == "assistant"]


def main() -> int:
    """Make all pictures; 1 when a tool is missing."""
    lacking = missing_tools()
    if lacking:
        print(f"Install these first: {', '.join(lacking)}", file=sys.stderr)  # noqa: T201
        return 1
    folder = ROOT / "build" / "screenshots"
    for width, height in SIZES:
        for theme in THEMES:
            with TemporaryDirectory() as place, virtual_screen(width, height) as screen:
                home = Path(place) / "home"
                (home / "config").mkdir(parents=True)
                (home / "config" / "desktop.json").write_text(json.dumps({"theme": theme}))
                program = Program(home, DISPLAY=screen.display, QT_QPA_PLATFORM="xcb")
                with running(program):
                    window = wait_for("the window", lambda s=screen: s.window("SutazAI"))
                    screen.resize(window, width, height)
                    Gallery(program, screen, folder, f"{theme}-{width}").all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
