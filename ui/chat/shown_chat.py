"""What actions do with the conversation that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.transfer import ExportFormat

if TYPE_CHECKING:
    from ui.chat.file_dialogs import FileDialogs
    from ui.chat.presenter import ChatPresenter


class ShownChat:
    """Does nothing while no conversation is shown."""

    def __init__(self, presenter: ChatPresenter, dialogs: FileDialogs) -> None:
        self._presenter = presenter
        self._dialogs = dialogs

    def branch_last(self) -> None:
        """Go on from the last answer in a conversation of its own."""
        last = self._presenter.state.transcript.last_answer
        if last is not None:
            self._presenter.spawn(self._presenter.branches.branch_from(last.id))

    def pin_selected(self) -> None:
        """Keep the shown conversation at the top, or not."""
        shown = self._presenter.state.conversation
        if shown is not None:
            self._presenter.spawn(self._presenter.keeping.pin(shown.id, not shown.pinned))

    def archive_selected(self) -> None:
        """Move the shown conversation into the archive, or back."""
        shown = self._presenter.state.conversation
        if shown is not None:
            away = shown.archived_at is None
            self._presenter.spawn(self._presenter.keeping.archive(shown.id, away))

    def toggle_archive(self) -> None:
        """Show the archive in place of the list, or the list again."""
        self._presenter.keeping.show_archive(not self._presenter.state.archive_shown)

    def export_selected(self) -> None:
        """Choose where the shown conversation is written to."""
        shown = self._presenter.state.conversation
        if shown is not None:
            self._dialogs.export(shown.id, ExportFormat.MARKDOWN)
