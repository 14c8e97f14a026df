"""Turns of a conversation become the text that a model was trained to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from backend_embedded.llm.runner.protocol import RequestFailed, Turn

ZEPHYR = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""The form TinyLlama was tuned on, for files that carry no template."""

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The form for every other file without a template."""


def built_in_template(model_names: Sequence[str]) -> str:
    """The template of a model that carries none, by what it is called."""
    return ZEPHYR if any("tinyllama" in name.lower().replace("-", "") for name in model_names) else CHATML


class ChatTemplate:
    """A model's own template, run in a sandbox: it comes with a file from anywhere.

    Args:
        source: Jinja text, as in the GGUF's `tokenizer.chat_template`.
        bos_token, eos_token: text of the model's two tokens.
    """

    def __init__(self, source: str, bos_token: str = "", eos_token: str = "") -> None:
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        try:
            self._template = _compile(source)
        except TemplateError as error:
            raise RequestFailed(
                "MODEL_FILE_INVALID",
                f"The model's chat template is not valid: {error}",
                "Use another copy of the model.",
            ) from error

    def render(
        self,
        turns: Sequence[Turn],
        continue_last: bool = False,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """The prompt for an answer to `turns`, or with `continue_last` for going on with the last one.

        Args:
            tools: `name`, `description` and `parameters` of each function that the model may ask for.

        Raises:
            RequestFailed: the template refuses these turns.
        """
        before, partial = (turns[:-1], turns[-1].content) if continue_last and turns else (turns, "")
        try:
            return self._text(before, tools) + partial
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            merged = _system_in_first_user(before)
            if merged == list(before):
                raise _refused(error) from error
        try:
            return self._text(merged, tools) + partial
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise _refused(error) from error

    def _text(self, turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]]) -> str:
        messages = [_message(turn) for turn in turns]
        # Templates ask whether `tools` is defined: without any it is not.
        named = {"tools": [{"type": "function", "function": dict(tool)} for tool in tools]} if tools else {}
        return self._template.render(messages=messages, add_generation_prompt=True, **named, **self._tokens)


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.tool_calls:
        message["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in turn.tool_calls
        ]
    if turn.tool_name:
        message["name"] = turn.tool_name
    if turn.tool_call_id:
        message["tool_call_id"] = turn.tool_call_id
    return message


def _compile(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment.from_string(source)


def _to_json(value: object, indent: int | None = None, **_: object) -> str:
    """As models were trained to read it; Jinja's own writes `<` and `&` as escapes, for web pages."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _system_in_first_user(turns: Sequence[Turn]) -> list[Turn]:
    """The same turns for a template that knows no system role: its text leads the first user turn."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
        return list(turns)
    joined = Turn(role="user", content=f"{turns[0].content}\n\n{turns[1].content}")
    return [joined, *turns[2:]]


def _refused(error: Exception) -> RequestFailed:
    return RequestFailed("INVALID_INPUT", f"The model's chat template refuses this conversation: {error}")
