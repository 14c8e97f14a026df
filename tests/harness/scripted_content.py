"""What a scripted window shows: models, chats, answers, engines and errors that are the same in every run."""

from __future__ import annotations

from datetime import datetime, timedelta

from scripted_backend import ScriptedBackend

from backend_embedded.contract.conversations import Conversation, MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import FinishReason, GenerationStats
from backend_embedded.contract.models import BuildFailure, Engine, EngineState, Model
from backend_embedded.contract.status import Capability, State
from ui.settings.state import About, Component

HOME = {
    name: f"/home/mira/.local/share/sutazai/{name}" for name in ("config", "data", "state", "cache", "models")
} | {"run": "/run/user/1000/sutazai"}

TINY = Model(
    name="tinyllama-1.1b-chat-v1.0.Q4_0",
    title="TinyLlama 1.1B Chat",
    provider="llama.cpp",
    path=f"{HOME['models']}/tinyllama-1.1b-chat-v1.0.Q4_0.gguf",
    size_bytes=637_700_000,
    architecture="llama",
    quantization="Q4_0",
    parameters=1_100_000_000,
    context_length=2048,
    license="Apache-2.0",
    loaded=True,
    default=True,
    tokens_per_s=38.2,
)
SMOL = TINY.model_copy(
    update={
        "name": "SmolLM2-135M-Instruct.Q4_1",
        "title": "SmolLM2 135M Instruct",
        "path": f"{HOME['models']}/SmolLM2-135M-Instruct.Q4_1.gguf",
        "size_bytes": 98_200_000,
        "quantization": "Q4_1",
        "parameters": 135_000_000,
        "context_length": 8192,
        "loaded": False,
        "default": False,
        "tokens_per_s": 0.0,
    }
)
BROKEN = SMOL.model_copy(
    update={
        "name": "phi-2.Q4_K_M",
        "title": "Phi 2",
        "path": f"{HOME['models']}/phi-2.Q4_K_M.gguf",
        "size_bytes": 412_000_000,
        "quantization": "Q4_K_M",
        "problem": "The file ends early: 412 MB of 1.79 GB are there.",
    }
)
STATS = GenerationStats(
    provider="llama.cpp",
    model=TINY.name,
    quantization="Q4_0",
    prompt_tokens=412,
    completion_tokens=268,
    prompt_ms=380,
    ttft_ms=410,
    decode_ms=7016,
    tokens_per_s=38.2,
    finish_reason=FinishReason.STOP,
)

QUESTION = "How do I retry a call that fails now and then? Show it in Python, and say when not to."
FULL_ANSWER = """## Backoff with jitter
Use **full jitter**: the wait is a *random* time below a bound that doubles with each try. See \
[the article on backoff](https://example.org/backoff) for the arithmetic.

```python
async def retry(call, tries=5, base_s=0.2, most_s=10.0):
    for number in range(tries):
        try:
            return await call()
        except TransientError:
            bound_s = min(most_s, base_s * 2**number)
            await asyncio.sleep(random.uniform(0, bound_s))  # spread the callers, or all of them come back at once
    raise GaveUp(tries)
```

| Try | Bound | Mean wait | Callers at once |
|---|--:|--:|--:|
| 1 | 0.20 s | 0.10 s | 1,284 |
| 2 | 0.40 s | 0.20 s | 642 |
| 3 | 0.80 s | 0.40 s | 321 |

### When not to retry
1. The request is wrong: a `400` will be wrong again.
2. The effect is not idempotent:
   - a payment that may have gone through,
   - a message that may have been sent.
3. The caller has stopped waiting.

> A retry is a promise that a second call can succeed.

Count the tries as a metric; a rise shows trouble before the first error does."""
HALF_ANSWER = """A container is a process that sees a file system, a network and a process table of its own. \
It shares the kernel with its host, so that it starts in the time that a process takes.

Three things make it:

1. **Namespaces** say what the process can see.
2. **Control groups** say how much it may use, for exam"""

CRASHED = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message=f"The model runner of {TINY.name} ended during the answer (killed by SIGKILL).",
    remedy="The runner is started again by itself: ask again, or continue the answer.",
)
TOO_LONG = ErrorBody(
    code=ErrorCode.CONTEXT_EXCEEDED,
    message="The prompt has 4821 tokens; the context holds 2048, the answer included.",
    remedy="Shorten the prompt, start a new conversation, or choose a larger context in the settings.",
    details={"prompt_tokens": 4821, "context_size": 2048},
)
UNREADABLE = ErrorBody(
    code=ErrorCode.STORAGE_UNAVAILABLE,
    message="The database is locked by another program.",
    remedy="Close what else uses it, then try again.",
)
BUILDING = Engine(
    state=EngineState.BUILDING, phase="compiling", step=41, steps=186, elapsed_s=72, version="0.3.36"
)
BUILD_FAILED = Engine(
    state=EngineState.FAILED,
    failure=BuildFailure.NO_COMPILER,
    message="No C++ compiler: none of c++, g++, clang++ is on the path. "
    "Install one (sudo apt-get install g++) and build again.",
    log_tail=(
        "*** scikit-build-core 0.11.6 (wheel) ***",
        "-- Looking for a C++ compiler",
        "CMake Error: CMAKE_CXX_COMPILER not set, after EnableLanguage",
        "-- Configuring incomplete, errors occurred!",
    ),
)
ABOUT = About(
    "0.1.0",
    "3.11.9",
    (
        Component("llama.cpp for Python", "0.3.36", "MIT"),
        Component("Qt for Python", "6.11.3", "LGPL-3.0"),
        Component("FastAPI", "0.121.0", "MIT"),
        Component("SQLAlchemy", "2.1.0", "MIT"),
        Component("Inter", "4.1.1", "OFL-1.1"),
        Component("JetBrains Mono", "2.242", "OFL-1.1"),
        Component("Lucide icons", "1.62", "ISC, parts MIT"),
    ),
)


def today_at(hour: int, minute: int) -> datetime:
    """A time of this day, where the program itself asks which day it is; the picture says the same each day."""
    return datetime.now().astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)


def all_well() -> tuple[Capability, ...]:
    """Every capability is ok."""
    since = today_at(9, 12)

    def ok(name: str, product: str) -> Capability:
        return Capability(name=name, state=State.OK, provider="embedded", product=product, since=since)

    return (
        ok("model", f"llama.cpp · {TINY.title}"),
        ok("store", "SQLite 3.46.1"),
        ok("events", "Ring of 10,000 events"),
    )


def model_degraded() -> tuple[Capability, ...]:
    """The model has had trouble; the rest is ok."""
    model, *others = all_well()
    reason = (
        f"The model runner of {TINY.name} ended during an answer (killed by SIGKILL). "
        "It is started again by itself."
    )
    trouble = {"state": State.DEGRADED, "reason": reason, "since": today_at(9, 42)}
    return (model.model_copy(update=trouble), *others)


def model_down() -> Capability:
    """There is no engine."""
    reason = "The local engine, llama.cpp, is not built yet."
    return all_well()[0].model_copy(update={"state": State.DOWN, "reason": reason, "since": today_at(9, 42)})


def write_chats(backend: ScriptedBackend) -> Conversation:
    """Fill the list with some chats of the last months; gives the one that was written to last."""
    for title, hours in (
        (
            "Was kostet ein Liter Wasser in verschiedenen Ländern der Welt, und woran liegt der Unterschied?",
            20,
        ),
        ("Explain this log line", 26),
        ("SQL join of three tables", 75),
        ("Plan a small task", 100),
        ("数独の解き方を教えてください", 24 * 12),
        ("Sort photos by year", 24 * 40),
        ("Names for a cat", 24 * 120),
    ):
        backend.add(title, ("?", "!"), at=backend.now - timedelta(hours=hours))
    minutes = timedelta(minutes=17)
    last = backend.add("Retry with backoff", (QUESTION, FULL_ANSWER), at=backend.now - minutes)
    first = backend.new_id()
    answer = backend.change_last(last, stats=STATS)
    backend.change_last(last, siblings=(first, answer.id))
    return last


def cut_short(backend: ScriptedBackend, title: str, text: str) -> Conversation:
    """A chat whose only answer was cut off by the runner's end after `text`."""
    cut = backend.add(title, ("What is a container?", text), at=backend.now - timedelta(minutes=3))
    none = {"completion_tokens": 0, "tokens_per_s": 0, "ttft_ms": 0}
    stats = STATS.model_copy(update={"completion_tokens": 61} if text else none)
    backend.change_last(cut, status=MessageStatus.INCOMPLETE, error=CRASHED, stats=stats)
    return cut
