"""Copies of a GGUF file with another chat template or pooling: the weights are the same."""

from __future__ import annotations

import struct
from pathlib import Path

KEY = "tokenizer.chat_template"
UINT32, STRING, ARRAY = 4, 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
ALIGNMENT = 32

TOOLS_TEMPLATE = (
    "{%- if tools %}<|im_start|>system\nCall one of these functions:\n<tools>\n"
    "{%- for tool in tools %}{{ tool | tojson }}\n{% endfor %}</tools>\n"
    'Answer <tool_call>{"name": NAME, "arguments": ARGUMENTS}</tool_call>.<|im_end|>\n{% endif %}'
    "{%- for message in messages %}"
    "{%- if message.role == 'tool' %}<|im_start|>user\n<tool_response>{{ message.content }}</tool_response>"
    "<|im_end|>\n"
    "{%- elif message.tool_calls %}<|im_start|>assistant\n{% for call in message.tool_calls %}<tool_call>"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>'
    "{% endfor %}<|im_end|>\n"
    "{%- else %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML with the tools of the Hermes form, as many models have it."""


def retemplated(source: Path, target: Path, template: str = TOOLS_TEMPLATE) -> Path:
    """Write `target`: `source` with this template in the place of its own."""
    return with_entry(source, target, KEY, struct.pack("<I", STRING) + packed(template))


def pooling(source: Path, target: Path, kind: int) -> Path:
    """Write `target`: `source` as a model for vectors, with a pooling of llama.h's enum llama_pooling_type."""
    return with_entry(source, target, "llama.pooling_type", struct.pack("<II", UINT32, kind))


def with_entry(source: Path, target: Path, wanted: str, value: bytes) -> Path:
    """Write `target`: `source` with this value, its type before it, for a key of its metadata."""
    data = source.read_bytes()
    tensors, entries = struct.unpack_from("<QQ", data, 8)
    at, kept, replaced = 24, b"", 0
    for _ in range(entries):
        start = at
        key, at = string_at(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        at = after(data, at + 4, kind)
        if key != wanted:
            kept += data[start:at]
        else:
            replaced = 1
    names = at
    for _ in range(tensors):
        _, at = string_at(data, at)
        (dimensions,) = struct.unpack_from("<I", data, at)
        at += 4 + 8 * dimensions + 12
    weights = at + -at % ALIGNMENT
    entry = packed(wanted) + value
    head = data[:16] + struct.pack("<Q", entries + 1 - replaced) + kept + entry + data[names:at]
    target.write_bytes(head + bytes(-len(head) % ALIGNMENT) + data[weights:])
    return target


def after(data: bytes, at: int, kind: int) -> int:
    """Where a value ends."""
    if kind == STRING:
        return string_at(data, at)[1]
    if kind != ARRAY:
        return at + SIZES[kind]
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner != STRING:
        return at + count * SIZES[inner]
    for _ in range(count):
        at += 8 + struct.unpack_from("<Q", data, at)[0]
    return at


def string_at(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, at)
    return data[at + 8 : at + 8 + length].decode("utf-8", "replace"), at + 8 + length


def packed(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
