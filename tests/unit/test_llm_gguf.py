"""Headers of GGUF files, and the library that finds the files."""

from __future__ import annotations

import struct
from pathlib import Path

import orjson
import pytest

from backend_embedded.contract.models import Model
from backend_embedded.errors import ModelFileInvalid, NotEnoughMemory
from backend_embedded.llm.files import library
from backend_embedded.llm.files.gguf import read_gguf
from backend_embedded.llm.files.library import ModelLibrary, choose_default, find_starter
from backend_embedded.llm.memory import OVERHEAD_BYTES, check_memory, needed_bytes

STARTER = "SmolLM2-135M-Instruct.Q4_1"


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(name: str = "Small", *, version: int = 3, cut: int = 0, architecture: str = "llama") -> bytes:
    """A whole GGUF with one tensor of 64 values at 32 bits."""
    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text(architecture),
        text("general.name") + struct.pack("<I", 8) + text(name),
        text("general.file_type") + struct.pack("<II", 4, 2),
        text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("bc"),
        text("scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 1.0),
        text(f"{architecture}.context_length") + struct.pack("<II", 4, 2048),
        text(f"{architecture}.block_count") + struct.pack("<II", 4, 2),
        text(f"{architecture}.embedding_length") + struct.pack("<II", 4, 64),
        text(f"{architecture}.attention.head_count") + struct.pack("<II", 4, 4),
        text(f"{architecture}.attention.head_count_kv") + struct.pack("<II", 4, 2),
    ]
    tensor = text("weight") + struct.pack("<IQQIQ", 2, 8, 8, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", version, 1, len(entries)) + b"".join(entries) + tensor
    head += bytes(-len(head) % 32)
    return (head + bytes(64 * 4))[: None if not cut else -cut]


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_header_is_read(tmp_path: Path) -> None:
    header = read_gguf(write(tmp_path / "a.gguf", gguf()))
    assert (header.architecture, header.name, header.quantization) == ("llama", "Small", "Q4_0")
    assert (header.parameters, header.context_length) == (64, 2048)
    assert header.kv_bytes_per_token == 2 * 2 * 2 * (16 + 16)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 something", "is not a GGUF file: it is a ZIP archive"),
        (b"<!DOCTYPE html><title>Sign in</title>", "it is a web page (HTML)"),
        (b"", "it is empty"),
        (b"GGUF\x03", "cut off"),
        (gguf(cut=10), "it needs"),
        (gguf()[:200], "cut off inside its header"),
        (gguf(version=9), "version 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**40, 1), "no sense"),
    ],
)
def test_a_bad_file_is_told_with_its_name_and_a_remedy(tmp_path: Path, data: bytes, words: str) -> None:
    path = write(tmp_path / "bad.gguf", data)
    with pytest.raises(ModelFileInvalid) as caught:
        read_gguf(path)
    assert words in caught.value.message
    assert caught.value.message.startswith(str(path))
    assert caught.value.remedy
    assert caught.value.details == {"file": str(path)}


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    whole = gguf()
    for length in range(0, len(whole), 7):
        with pytest.raises(ModelFileInvalid):
            read_gguf(write(tmp_path / f"{length}.gguf", whole[:length]))


def test_the_starter_says_what_it_is() -> None:
    starter = find_starter()
    assert starter is not None
    header = read_gguf(starter)
    assert (header.architecture, header.quantization, header.license) == ("llama", "Q4_1", "apache-2.0")
    assert (header.context_length, header.parameters) == (8192, 134_515_008)


def test_the_library_finds_files_in_folders_of_folders(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("b.gguf", "deep/er/a.GGUF", "deep/b.gguf", "x-00001-of-00002.gguf", "x-00002-of-00002.gguf"):
        write(models / name, gguf(name))
    write(models / "readme.txt", b"no model")
    write(models / "bad.gguf", b"no model")
    write(models / "vision.gguf", gguf(architecture="clip"))
    entries = {entry.model.name: entry.model for entry in ModelLibrary(tmp_path, None).scan(models)}
    assert set(entries) == {"a", "b", "b (deep)", "bad", "vision", "x-00001-of-00002"}
    assert "not a GGUF" in (entries["bad"].problem or "")
    assert "companion" in (entries["vision"].problem or "")
    assert entries["a"].problem is None


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert ModelLibrary(tmp_path, None).scan(tmp_path / "nothing") == ()


def test_a_header_is_read_again_only_when_its_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "models" / "a.gguf", gguf("One"))
    reads: list[Path] = []

    def counted(file: Path) -> object:
        reads.append(file)
        return read_gguf(file)

    monkeypatch.setattr(library, "read_gguf", counted)
    models = ModelLibrary(tmp_path, None)
    models.scan(path.parent)
    models.scan(path.parent)
    assert len(reads) == 1
    write(path, gguf("Other"))
    assert models.scan(path.parent)[0].model.title == "Other"


def test_the_starter_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = find_starter()
    (entry,) = ModelLibrary(tmp_path, starter).scan(tmp_path / "models")
    assert entry.model.problem is None
    assert entry.model.default
    assert orjson.loads((tmp_path / "verified-models.json").read_bytes())[0] == str(starter)
    monkeypatch.setattr(library.hashlib, "file_digest", None)
    (entry,) = ModelLibrary(tmp_path, starter).scan(tmp_path / "models")
    assert entry.model.problem is None


def test_a_starter_that_was_changed_is_not_used(tmp_path: Path) -> None:
    fake = write(tmp_path / "package" / f"{STARTER}.gguf", gguf())
    (entry,) = ModelLibrary(tmp_path / "cache", fake).scan(tmp_path / "models")
    assert "sha256" in (entry.model.problem or "")
    assert not entry.model.default


def model(name: str, size_bytes: int = 1, problem: str | None = None) -> Model:
    return Model(name=name, title=name, provider="x", path=name, size_bytes=size_bytes, problem=problem)


def test_the_default_is_the_chosen_then_tinyllama_then_the_starter_then_the_smallest() -> None:
    all_models = [model("big", 9), model("small", 3), model(STARTER), model("TinyLlama-1.1B-Chat.Q4_K_M")]
    assert choose_default(all_models, "big") == "big"
    assert choose_default(all_models, "gone") == "TinyLlama-1.1B-Chat.Q4_K_M"
    assert choose_default(all_models[:3], "") == STARTER
    assert choose_default(all_models[:2], "") == "small"
    assert choose_default([model("bad", problem="cut off")], "bad") is None


def test_memory_counts_file_context_and_overhead(tmp_path: Path) -> None:
    header = read_gguf(write(tmp_path / "a.gguf", gguf()))
    assert needed_bytes(header, 100) == header.size_bytes + 100 * 256 + OVERHEAD_BYTES
    assert needed_bytes(header, 10**9) == needed_bytes(header, 2048)
    check_memory("a", header, 100, free=2**40)
    with pytest.raises(NotEnoughMemory) as caught:
        check_memory("a", header, 100, free=1024)
    assert caught.value.details["free_bytes"] == 1024


def test_a_model_that_only_makes_vectors_is_never_the_default() -> None:
    small = Model(name="vectors", title="", provider="", path="", size_bytes=1, embeds=True)
    large = Model(name="writer", title="", provider="", path="", size_bytes=2)
    assert choose_default([small, large], "") == "writer"
    assert choose_default([small, large], "vectors") == "writer"
    assert choose_default([small], "") is None
