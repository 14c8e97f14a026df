"""How fast each model is, measured and kept."""

from __future__ import annotations

from pathlib import Path

from backend_embedded.library.progress import WINDOW_S, Speed
from backend_embedded.llm.llama_cpp.rates import MeasuredRates


def test_a_rate_of_an_answer_of_some_length_is_kept(tmp_path: Path) -> None:
    rates = MeasuredRates(tmp_path / "data" / "rates.json")
    assert not rates.note("a", 31, 50.0)
    assert rates.of("a") == 0
    assert rates.note("a", 32, 50.04)
    rates.keep()
    assert MeasuredRates(tmp_path / "data" / "rates.json").of("a") == 50.0


def test_a_broken_file_of_rates_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "rates.json").write_text("[1")
    assert MeasuredRates(tmp_path / "rates.json").of("a") == 0


def test_the_speed_of_a_download_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.remaining_s(10) is None
    for second in range(20):
        speed.note(float(second), second * 100 if second < 10 else 1000 + (second - 10) * 10)
    assert round(speed.bytes_per_s) == 10
    assert speed.remaining_s(100) == 10
    speed.note(20 + WINDOW_S, 5)  # it starts over
    assert speed.bytes_per_s == 0
