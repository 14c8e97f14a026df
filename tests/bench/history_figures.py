"""A conversation of 5,000 messages: opened until painted, and scrolled through (id `history`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 5000
OPENINGS = 5
FRAMES = 600
FRAME_S = 0.012
STEP_PX = 90
ANSWER = """Use **full jitter**: the wait is a *random* time below a bound that doubles. Number {n}.

```python
async def retry_{n}(call, tries=5):
    return await call()
```

- The request is wrong: a `400` will be wrong again.
- The caller has stopped waiting.
"""


async def measure_history() -> dict[str, float]:
    """Milliseconds to the first paint (worst of some openings), and the 99th percentile of a scrolled frame."""
    from PySide6.QtWidgets import QApplication
    from scripted_backend import ScriptedBackend

    from backend_embedded.contract.models import Engine, EngineState
    from ui.chat.page import ChatPage
    from ui.chat.presenter import ChatPresenter
    from ui.theme import ThemeSource, apply_theme, load_fonts, load_tokens

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    load_fonts()
    themes = ThemeSource(load_tokens(), "light")
    apply_theme(app, themes.theme)
    backend = ScriptedBackend()
    texts = [ANSWER.format(n=n) if n % 2 else f"Question {n}: how do I retry?" for n in range(MESSAGES)]
    long_one, short_one = backend.add("long", texts), backend.add("short", ("q", "a"))
    presenter = ChatPresenter(backend)
    presenter.connection_changed(True)
    await presenter.resync()
    presenter.change(engine=Engine(state=EngineState.READY))
    page = ChatPage(presenter, themes)
    page.resize(1280, 800)
    page.show()
    app.processEvents()
    opened: list[float] = []
    for _ in range(OPENINGS):
        await presenter.select(short_one.id)
        app.processEvents()
        begin = time.perf_counter()
        await presenter.select(long_one.id)
        app.processEvents()
        page.grab()
        opened.append((time.perf_counter() - begin) * 1000)
    view, frames = page.pane.view, []
    for _ in range(FRAMES):
        begin = time.thread_time()
        view.scroll_to(max(0, view.verticalScrollBar().value() - STEP_PX))
        app.processEvents()
        frames.append((time.thread_time() - begin) * 1000)
        await asyncio.sleep(FRAME_S)
    await presenter.close()
    page.close()
    frames.sort()
    loaded = len(presenter.state.transcript.messages)
    return {"open_ms": max(opened[1:]), "frame_ms": frames[int(len(frames) * 0.99)], "loaded": loaded}


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "harness")]
    sys.stdout.write(json.dumps(asyncio.run(measure_history())) + "\n")
