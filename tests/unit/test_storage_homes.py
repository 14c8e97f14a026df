"""The id of a home: made once, and told where it cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_embedded.errors import StorageUnavailable
from backend_embedded.storage.homes import NAME, home_id


def test_a_home_has_one_id_for_ever(tmp_path: Path) -> None:
    made = home_id(tmp_path / "data")
    assert home_id(tmp_path / "data") == made
    assert home_id(tmp_path / "other") != made
    assert [file.name for file in (tmp_path / "data").iterdir()] == [NAME]


def test_a_file_that_says_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("")
    assert home_id(tmp_path) == home_id(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable, match="home-id"):
        home_id(tmp_path / "data")
