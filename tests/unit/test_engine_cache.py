"""The cache keeps a wheel whole or not at all, for one kind of processor."""

from __future__ import annotations

from pathlib import Path

from backend_embedded.llm.engine.cache import EngineCache, cpu_key

CPU = "processor : 0\nmodel name : A\nflags : avx2 fma\ncpu MHz : 1200\n"


def test_key_is_of_the_kind_of_processor_not_of_the_moment() -> None:
    assert cpu_key(CPU) == cpu_key(CPU.replace("1200", "3400").replace("avx2 fma", "fma avx2"))
    assert cpu_key(CPU) != cpu_key(CPU.replace("avx2", "avx512f"))
    assert cpu_key(CPU) != cpu_key(CPU.replace("model name : A", "model name : B"))


def test_wheel_is_found_again(tmp_path: Path) -> None:
    wheel = tmp_path / "llama_cpp_python-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    cache = EngineCache(tmp_path / "cache", "1")
    assert cache.wheel() is None
    kept = cache.keep(wheel)
    assert cache.wheel() == kept
    assert sorted(path.name for path in kept.parent.iterdir()) == [wheel.name, wheel.name + ".sha256"]
    assert EngineCache(tmp_path / "cache", "2").wheel() is None


def test_wheel_that_is_not_whole_is_none(tmp_path: Path) -> None:
    wheel = tmp_path / "llama_cpp_python-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    cache = EngineCache(tmp_path / "cache", "1")
    cache.keep(wheel).write_bytes(b"whe")
    assert cache.wheel() is None
