"""A tiny random BERT as a GGUF file: it makes vectors of texts and writes none.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 32, 2, 4, 64, 64
MEAN, CLS = 1, 2
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("the", "ship", "harbour", "sea", "sails", "to", "is", "green", "door", "far", "home", "and")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
NORMAL, UNKNOWN, CONTROL = 1, 2, 3
ALIGNMENT = 32


def write_tiny_bert(path: Path, pooling: int = MEAN, seed: int = 5, context: int = CONTEXT) -> Path:
    """Write the file; the same weights for the same seed, whatever the pooling (MEAN or CLS)."""
    # A token that begins a word is marked, as llama.cpp's WordPiece vocabulary has it; others go on with one.
    tokens = [*SPECIAL, *(f"▁{word}" for word in WORDS), *(f"▁{letter}" for letter in LETTERS), *LETTERS]
    kinds = [CONTROL if token in SPECIAL else NORMAL for token in tokens]
    kinds[1] = UNKNOWN
    facts = [
        _fact("general.architecture", STRING, "bert"),
        _fact("general.name", STRING, "Tiny Bert"),
        _fact("general.license", STRING, "apache-2.0"),
        _fact("bert.context_length", U32, context),
        _fact("bert.embedding_length", U32, WIDTH),
        _fact("bert.feed_forward_length", U32, INNER),
        _fact("bert.block_count", U32, LAYERS),
        _fact("bert.attention.head_count", U32, HEADS),
        _fact("bert.attention.layer_norm_epsilon", F32, 1e-12),
        _fact("bert.attention.causal", BOOL, False),
        _fact("bert.pooling_type", U32, pooling),
        _fact("tokenizer.ggml.model", STRING, "bert"),
        _fact("tokenizer.ggml.token_type_count", U32, 2),
        _fact("tokenizer.ggml.padding_token_id", U32, 0),
        _fact("tokenizer.ggml.unknown_token_id", U32, 1),
        _fact("tokenizer.ggml.bos_token_id", U32, 2),
        _fact("tokenizer.ggml.cls_token_id", U32, 2),
        _fact("tokenizer.ggml.seperator_token_id", U32, 3),
        _fact("tokenizer.ggml.mask_token_id", U32, 4),
        _array("tokenizer.ggml.tokens", STRING, tokens),
        _array("tokenizer.ggml.token_type", I32, kinds),
    ]
    path.write_bytes(_file(facts, _shapes(len(tokens), context), random.Random(seed)))
    return path


def _shapes(vocabulary: int, context: int) -> list[tuple[str, tuple[int, ...]]]:
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("token_embd.weight", (WIDTH, vocabulary)),
        ("token_types.weight", (WIDTH, 2)),
        ("position_embd.weight", (WIDTH, context)),
        ("token_embd_norm.weight", (WIDTH,)),
        ("token_embd_norm.bias", (WIDTH,)),
    ]
    for layer in range(LAYERS):
        for name, size in (
            ("attn_q", (WIDTH, WIDTH)),
            ("attn_k", (WIDTH, WIDTH)),
            ("attn_v", (WIDTH, WIDTH)),
            ("attn_output", (WIDTH, WIDTH)),
            ("ffn_up", (WIDTH, INNER)),
            ("ffn_down", (INNER, WIDTH)),
        ):
            shapes += [(f"blk.{layer}.{name}.weight", size), (f"blk.{layer}.{name}.bias", size[1:])]
        for name in ("attn_output_norm", "layer_output_norm"):
            shapes += [(f"blk.{layer}.{name}.weight", (WIDTH,)), (f"blk.{layer}.{name}.bias", (WIDTH,))]
    return shapes


def _file(facts: list[bytes], shapes: list[tuple[str, tuple[int, ...]]], chance: random.Random) -> bytes:
    infos, data = b"", b""
    for name, shape in shapes:
        values = 1
        for size in shape:
            values *= size
        centre = 1.0 if name.endswith("norm.weight") else 0.0
        weights = struct.pack(f"<{values}f", *(chance.gauss(centre, 0.3) for _ in range(values)))
        infos += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        infos += struct.pack("<IQ", 0, len(data))
        data += weights + bytes(-len(weights) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(facts)) + b"".join(facts) + infos
    return head + bytes(-len(head) % ALIGNMENT) + data


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind: int, value: object) -> bytes:
    if kind == STRING:
        return _string(str(value))
    return struct.pack("<" + {U32: "I", I32: "i", F32: "f", BOOL: "?"}[kind], value)


def _fact(key: str, kind: int, value: object) -> bytes:
    return _string(key) + struct.pack("<I", kind) + _value(kind, value)


def _array(key: str, kind: int, values: list[str] | list[int]) -> bytes:
    head = _string(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(_value(kind, value) for value in values)
