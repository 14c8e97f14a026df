"""What came of an export or import, as a notification."""

from __future__ import annotations

from pathlib import Path

from app.features.chat_news import of_outcome
from backend_embedded.contract.transfer import ExportFormat, ImportFormat, ImportReport
from ui.chat.chats.moving_state import exported, imported


def test_a_written_file_is_shown_in_its_folder() -> None:
    shown: list[Path] = []
    told = of_outcome(exported("/home/mira/out/all.json", 1_284_000, ExportFormat.JSON, 48), shown.append)
    assert (told.state, told.title) == ("ok", "48 chats exported")
    ((name, run),) = told.actions
    run()
    assert (name, shown) == ("Show in folder", [Path("/home/mira/out")])


def test_what_was_left_out_is_no_plain_success() -> None:
    report = ImportReport(format=ImportFormat.CHATGPT, conversations=(), messages=0, unchanged=2)
    told = of_outcome(imported(report, "a.json"), lambda _: None)
    assert (told.state, told.title, told.actions) == ("ok", "Nothing new to import", ())
    assert "2 chats were here already" in told.text
    cut = of_outcome(imported(report.model_copy(update={"skipped": ("images",)}), "a.json"), lambda _: None)
    assert (cut.state, "Left out: images." in cut.text) == ("degraded", True)
