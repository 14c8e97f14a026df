"""Finds the calls of tools in what a model writes, in the forms that the common models were trained on.

Hermes and Qwen: `<tool_call>{"name": …, "arguments": …}</tool_call>`; Llama 3: `{"name": …, "parameters": …}`
as the whole answer, sometimes after `<|python_tag|>`; Mistral: `[TOOL_CALLS][{…}, …]`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from backend_embedded.contract.generation import Finished, TextDelta, Tool, ToolCall
from backend_embedded.contract.models import Model
from backend_embedded.errors import InvalidInput
from backend_embedded.llm.port import GenerationStep, Prompt

OPENING, CLOSING = "<tool_call>", "</tool_call>"
LIST_MARK = "[TOOL_CALLS]"
ARGUMENTS_MARK = "[ARGS]"
PYTHON_TAG = "<|python_tag|>"
CONTROL = ("<|eom_id|>", "<|eot_id|>", "<|im_end|>", "</s>")
BARE = ('{"name":', '{"type":"function"', '{"function":', '{"parameters":', '{"arguments":', '[{"name":')
ID_BYTES = 5
ID_LENGTH = 9
"""Mistral's template takes ids of no other length."""


def check_tools(prompt: Prompt, model: Model) -> None:
    """Refuse tools to a model whose template has no place for them. Raises InvalidInput."""
    if prompt.tools and not model.tools:
        raise InvalidInput(
            f'"{model.name}" does not support tools', remedy="Ask without them, or choose another model."
        )


class ToolCallReader:
    """Reads one answer; text that may become a call is held back until it is sure.

    Args:
        tools: those that the model may ask for.
    """

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._names = frozenset(tool.name for tool in tools)
        self._held = ""
        self._inside = ""
        self._began = False
        self._after_call = False
        self._calls: list[ToolCall] = []

    def read(self, step: GenerationStep) -> Iterator[GenerationStep]:
        """The steps to hand on in the place of this one."""
        match step:
            case TextDelta():
                text = self.feed(step.text)
                if text or step.logprobs:
                    yield step.model_copy(update={"text": text})
            case Finished():
                text, calls = self.finish()
                if text:
                    yield TextDelta(text=text, tokens=step.stats.completion_tokens)
                yield step.model_copy(update={"tool_calls": calls}) if calls else step
            case _:
                yield step

    def feed(self, text: str) -> str:
        """Text that is surely no part of a call."""
        self._held += text
        sure = ""
        while True:
            if self._inside == OPENING:
                body, closed, rest = self._held.partition(CLOSING)
                if not closed:
                    return sure
                found = self._parsed(body)
                sure += "" if found else f"{OPENING}{body}{CLOSING}"
                self._calls += found
                self._inside, self._held, self._after_call = "", rest, bool(found)
            elif self._inside:
                return sure  # read to the end of the answer
            else:
                more = self._outside()
                sure += more
                if self._inside != OPENING:
                    return sure

    def finish(self) -> tuple[str, tuple[ToolCall, ...]]:
        """The rest of the text, and all calls."""
        rest, self._held = self._held, ""
        if self._inside:
            found = self._parsed(rest)
            self._calls += found
            mark = "" if self._inside == "bare" else self._inside
            rest = "" if found else f"{mark}{rest}"
        return rest, tuple(self._calls)

    def _outside(self) -> str:
        """Text before the next mark; what may be the beginning of one stays."""
        if not self._began:
            begun = self._held.lstrip()
            if _may_be_bare(begun):
                if any(_compact(begun).startswith(mark) for mark in BARE):
                    self._inside = "bare"
                return ""
            self._began = True
        if self._after_call:  # the line's end after a call is no part of the text
            self._held = self._held.lstrip("\n")
            self._after_call = not self._held
        marks = (OPENING, LIST_MARK, PYTHON_TAG)
        at, mark = min(((at, mark) for mark in marks if (at := self._held.find(mark)) >= 0), default=(-1, ""))
        if mark:
            before, self._held = self._held[:at], self._held[at + len(mark) :]
            self._inside = mark
            return before
        longest = max(len(mark) for mark in marks) - 1
        sizes = range(min(longest, len(self._held)), 0, -1)
        keep = next((size for size in sizes if any(mark.startswith(self._held[-size:]) for mark in marks)), 0)
        sure = self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return sure

    def _parsed(self, body: str) -> list[ToolCall]:
        """The calls in a text; none when it is something else."""
        for control in CONTROL:
            body = body.replace(control, "")
        name, marked, arguments = body.partition(ARGUMENTS_MARK)
        if marked:
            body = json.dumps({"name": name.strip(), "arguments": _json(arguments)})
        decoder, at, calls = json.JSONDecoder(), 0, []
        body = body.strip()
        while at < len(body):
            try:
                value, at = decoder.raw_decode(body, at)
            except ValueError:
                return []
            found = [self._call(one) for one in (value if isinstance(value, list) else [value])]
            if not all(found):
                return []
            calls += [call for call in found if call is not None]
            while at < len(body) and body[at] in " \t\r\n;,":
                at += 1
        return calls

    def _call(self, value: Any) -> ToolCall | None:
        if isinstance(value, dict) and isinstance(value.get("function"), dict):
            value = value["function"]
        if not isinstance(value, dict):
            return None
        name = value.get("name", value.get("function"))
        arguments = value.get("arguments", value.get("parameters", {}))
        if isinstance(arguments, str):
            arguments = _json(arguments)
        if name not in self._names or not isinstance(arguments, dict):
            return None
        return ToolCall(id=secrets.token_hex(ID_BYTES)[:ID_LENGTH], name=name, arguments=arguments)


def _may_be_bare(text: str) -> bool:
    """Whether an answer that begins so may be a call without a mark."""
    compact = _compact(text)
    return any(compact.startswith(mark) or mark.startswith(compact) for mark in BARE)


def _compact(text: str) -> str:
    return "".join(text[:80].split())


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
