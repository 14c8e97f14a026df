"""Calls of tools in a model's text: every form, however it is cut, and text that only looks like one."""

from __future__ import annotations

import pytest

from backend_embedded.contract.generation import Finished, GenerationStats, Role, TextDelta, Tool
from backend_embedded.llm.llama_cpp.tool_calls import ToolCallReader
from backend_embedded.llm.runner.protocol import (
    Count,
    Generate,
    Text,
    Turn,
    decode_command,
    decode_event,
    encode,
)
from backend_embedded.llm.runner.template import ChatTemplate

TOOLS = (Tool(name="weather"), Tool(name="time"))
ULM = '{"name": "weather", "arguments": {"place": "Ulm <b> }"}}'
CALL = ("weather", {"place": "Ulm <b> }"})


def told(text: str, size: int) -> tuple[str, list[tuple[str, dict[str, object]]]]:
    reader = ToolCallReader(TOOLS)
    shown = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = reader.finish()
    return shown + rest, [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "shown", "calls"),
    [
        (f"<tool_call>\n{ULM}\n</tool_call>", "", [CALL]),
        (
            f"I look.\n<tool_call>\n{ULM}\n</tool_call>\n<tool_call>{ULM}</tool_call>",
            "I look.\n",
            [CALL, CALL],
        ),
        (f"<tool_call>\n{ULM}\n", "", [CALL]),
        (ULM.replace("arguments", "parameters"), "", [CALL]),
        (f"<|python_tag|>{ULM}<|eom_id|>", "", [CALL]),
        (f"[TOOL_CALLS][{ULM}, {ULM}]", "", [CALL, CALL]),
        ('[TOOL_CALLS]weather[ARGS]{"place": "Ulm <b> }"}', "", [CALL]),
        (f'{{"type": "function", "function": {ULM}}}', "", [CALL]),
        (f"{ULM}; {ULM}", "", [CALL, CALL]),
        ('{"name": "time", "parameters": {}}', "", [("time", {})]),
        ("A plain answer, 3 < 4 and [1].", "A plain answer, 3 < 4 and [1].", []),
        ("It ends in <tool_", "It ends in <tool_", []),
        ('{"city": "Ulm"}', '{"city": "Ulm"}', []),
        ('{"name": "Ada", "age": 3}', '{"name": "Ada", "age": 3}', []),
        ("<tool_call>no json</tool_call> then", "<tool_call>no json</tool_call> then", []),
        ("", "", []),
    ],
)
def test_calls_are_found_however_the_text_is_cut(
    text: str, shown: str, calls: list[tuple[str, dict[str, object]]], size: int
) -> None:
    assert told(text, size) == (shown, calls)


def test_what_is_no_call_is_not_held_back() -> None:
    reader = ToolCallReader(TOOLS)
    assert reader.feed("Hel") == "Hel"
    assert reader.feed("lo <") == "lo "
    assert reader.feed("b>") == "<b>"


def test_the_last_step_carries_the_calls() -> None:
    reader = ToolCallReader(TOOLS)
    stats = GenerationStats(provider="x", model="y", completion_tokens=9)
    steps = [*reader.read(TextDelta(text=ULM, tokens=9)), *reader.read(Finished(stats=stats))]
    assert len(steps) == 1
    assert isinstance(steps[0], Finished)
    assert steps[0].tool_calls[0].name == "weather"
    assert len(steps[0].tool_calls[0].id) == 9


def test_tools_and_calls_survive_the_line_to_the_runner() -> None:
    turn = Turn("assistant", "", [{"id": "1", "name": "weather", "arguments": {"a": 1}}], None, "1")
    tools = [TOOLS[0].model_dump()]
    for command in (Generate(1, (turn,), tools=tools), Count(2, (turn,), tools=tools)):
        assert decode_command(encode(command)) == command
    text = Text(1, "é", 1, [{"text": "é", "bytes": [195, 169], "logprob": -0.5, "top": []}])
    assert decode_event(encode(text)) == text


def test_templates_get_tools_as_models_were_trained_to_read_them() -> None:
    source = (
        "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}"
        "{% for m in messages %}|{{ m.role }}:{{ m.content }}"
        "{% for call in m.tool_calls %}{{ call.function.name }}{{ call.function.arguments | tojson }}"
        "{% endfor %}{{ m.name }}{% endfor %}"
    )
    turns = [
        Turn(Role.USER.value, "é"),
        Turn("assistant", "", [{"id": "1", "name": "weather", "arguments": {"p": "<Ulm>"}}]),
        Turn("tool", "Rain", tool_name="weather"),
    ]
    tools = [{"name": "weather", "description": "<é>", "parameters": {}}]
    text = ChatTemplate(source).render(turns, tools=tools)
    function = '{"name": "weather", "description": "<é>", "parameters": {}}'
    assert text == (
        f'{{"type": "function", "function": {function}}}|user:é|assistant:weather{{"p": "<Ulm>"}}'
        "|tool:Rainweather"
    )
    assert ChatTemplate("{{ tools is defined }}").render(turns) == "False"
