"""`sutazai chat`: one question, its answer streamed to the terminal or as one JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import aclosing

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import (
    Failed,
    Finished,
    GenerateRequest,
    GenerationStats,
    PromptProgress,
    Queued,
    SamplingOptions,
    TextDelta,
)
from backend_embedded.contract.models import Engine, EngineState
from ui.client.port import Backend, ClientError

BUILD_LOOK_S = 1.0


async def chat(client: Backend, options: argparse.Namespace) -> int:
    """Ask and print; returns 0. Raises ClientError."""
    await wait_for_engine(client)
    text, stats = await _answer(client, request_of(options), quiet=options.json)
    if options.json:
        sys.stdout.write(json.dumps(summary(text, stats), ensure_ascii=False) + "\n")
    return 0


def request_of(options: argparse.Namespace) -> GenerateRequest:
    """The request that the command line asks for; what was not given is left to the backend."""
    chosen = {"temperature": options.temperature, "seed": options.seed, "max_tokens": options.max_tokens}
    given = {name: value for name, value in chosen.items() if value is not None}
    return GenerateRequest(
        prompt=options.prompt, model=options.model, system=options.system, options=SamplingOptions(**given)
    )


def summary(text: str, stats: GenerationStats) -> dict[str, object]:
    """The object that `--json` prints."""
    names = ("provider", "model", "reason", "prompt_tokens", "completion_tokens")
    times = ("queue_ms", "ttft_ms", "tokens_per_s", "finish_reason")
    values = stats.model_dump(mode="json", include={*names, *times})
    return {"text": text} | {
        name: round(value, 1) if isinstance(value, float) else value for name, value in values.items()
    }


async def _answer(client: Backend, request: GenerateRequest, quiet: bool) -> tuple[str, GenerationStats]:
    """Read the answer to its end, printing it as it comes unless `quiet`."""
    pieces: list[str] = []
    async with aclosing(client.generate(request)) as events:
        try:
            async for event in events:
                match event:
                    case TextDelta():
                        pieces.append(event.text)
                        if not quiet:
                            _show(event.text, first=len(pieces) == 1)
                    case Queued():
                        _progress(f"Waiting: place {event.place} in the queue.")
                    case PromptProgress():
                        _progress(f"Reading the prompt: {event.done} of {event.total} tokens.")
                    case Finished():
                        return "".join(pieces), event.stats
                    case Failed():
                        raise ClientError(event.error)
        finally:
            if pieces and not quiet:
                _show("\n", first=False)
    raise AssertionError("a stream without a last event is an error of the client's own")


def _show(text: str, first: bool) -> None:
    if first:
        _progress("")
    sys.stdout.write(text)
    sys.stdout.flush()


def _progress(text: str) -> None:
    """A line on the terminal that the next one takes the place of; nothing when stderr is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()


async def wait_for_engine(client: Backend) -> None:
    """Build the engine if it is missing, and wait for it, saying how far it is.

    Raises:
        ClientError: it could not be built (ENGINE_MISSING), with the reason.
    """
    engine = await client.engine()
    if engine.state is EngineState.MISSING:
        sys.stderr.write(
            "The local engine is not built yet on this machine; that takes about 6 minutes, once.\n"
        )
        engine = await client.build_engine()
    told = ""
    while engine.state is EngineState.BUILDING:
        if (line := _build_line(engine)) != told:
            told = line
            sys.stderr.write(line + "\n")
        await asyncio.sleep(BUILD_LOOK_S)
        engine = await client.engine()
    if engine.state is not EngineState.READY:
        raise ClientError(
            ErrorBody(
                code=ErrorCode.ENGINE_MISSING,
                message=engine.message or "The local engine could not be built.",
                remedy="See what is missing with: sutazai doctor",
            )
        )


def _build_line(engine: Engine) -> str:
    phase = engine.phase or "building"
    # a step every few seconds would fill a log: tenths of the way are enough
    tenths = f" {engine.step * 10 // engine.steps * 10} %" if engine.steps else ""
    return f"Building the engine: {phase}{tenths}"
