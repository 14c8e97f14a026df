"""UI-thread CPU of one frame while four answers of 200 tokens/s stream into long Markdown (id `ui-frame`)."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

STREAMS = 4
TOKENS_PER_S = 200
SECONDS = 6
FRAME_S = 0.016
PARAGRAPH = """## Part {n}

Use **full jitter**: the wait is a *random* time between zero and a bound that doubles, so that callers that
failed together do not come back together. A fixed `base * 2 ** n` does not spread them.

```python
async def retry_{n}(call, tries=5, base=0.2, cap=10.0):
    \"\"\"Sleep a random time up to the bound.\"\"\"
    for n in range(tries):
        try:
            return await call()
        except TransientError:
            await asyncio.sleep(random.uniform(0, min(cap, base * 2**n)))  # spread
```

| Try | Bound | Mean wait |
|---|---|---|
| 1 | 0.20 s | 0.10 s |
| 2 | 0.40 s | 0.20 s |

- **The request is wrong.** A 400 will be wrong again.
- The effect is [not idempotent](https://example.org/{n}) and the call may have gone through.

"""


def measure_frames(seconds: float = SECONDS) -> float:
    """The 99th percentile of CPU milliseconds a frame (feed, flush, layout, paint), offscreen."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

    from backend_embedded.contract.conversations import Message, MessageStatus
    from backend_embedded.contract.generation import Role
    from ui.chat.flush_clock import FlushClock
    from ui.chat.highlight import Highlighter
    from ui.chat.transcript_view import TranscriptView
    from ui.theme import ThemeSource, apply_theme, load_fonts, load_tokens

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    load_fonts()
    themes = ThemeSource(load_tokens(), "light")
    apply_theme(app, themes.theme)
    highlighter = Highlighter()
    highlighter.warm_up()
    window = QWidget()
    grid = QGridLayout(window)
    views: list[tuple[TranscriptView, UUID]] = []
    for place in range(STREAMS):
        view = TranscriptView(themes.theme, print, lambda _: ("TinyLlama 1.1B", ""), highlighter)
        grid.addWidget(view, place // 2, place % 2)
        answer = Message(
            id=uuid4(),
            conversation_id=uuid4(),
            parent_id=None,
            role=Role.ASSISTANT,
            text="",
            status=MessageStatus.WRITING,
            created_at=datetime.now(UTC),
        )
        view.show_messages([answer], {answer.id})
        views.append((view, answer.id))
    window.resize(1600, 1000)
    window.show()
    clock = FlushClock([view for view, _ in views])
    text = "".join(PARAGRAPH.format(n=n) for n in range(40))
    tokens = [text[start : start + 4] for start in range(0, len(text), 4)]
    frames: list[float] = []
    fed, start = 0, time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        due = min(len(tokens), int(elapsed * TOKENS_PER_S))
        begin = time.thread_time()
        for view, answer_id in views:
            if due > fed:
                view.feed(answer_id, "".join(tokens[fed:due]))
        fed = due
        clock.tick()
        app.processEvents()
        frames.append((time.thread_time() - begin) * 1000)
        time.sleep(max(0.0, FRAME_S - (time.monotonic() - start - elapsed)))
    window.close()
    frames.sort()
    return frames[int(len(frames) * 0.99)]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    value = measure_frames()
    what = f"{STREAMS} streams of {TOKENS_PER_S} tokens of 4 characters a second"
    sys.stdout.write(json.dumps({"value": round(value, 2), "baseline": what}) + "\n")
