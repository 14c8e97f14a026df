"""What the chat page puts into the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.chat.chats.ordering import of_view, tags_of
from ui.chat.words import counted
from ui.shell.actions import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ui.chat.page import ChatPage
    from ui.chat.presenter import ChatPresenter

PAGE = "chat"


def chat_actions(page: ChatPage, presenter: ChatPresenter) -> tuple[Action, ...]:
    """The page's actions; each is offered only when it can be done."""

    def made(
        name: str,
        title: str,
        run: Callable[[], object],
        shortcut: str = "",
        icon: str = "arrow-right",
        enabled: Callable[[], bool] = lambda: True,
    ) -> Action:
        return Action(
            id=f"chat.{name}", title=title, run=run, shortcut=shortcut, icon=icon, page=PAGE, enabled=enabled
        )

    def selected() -> bool:
        return presenter.state.conversation is not None

    def answered() -> bool:
        return presenter.state.transcript.last_answer is not None and not presenter.state.live_here

    def writing() -> bool:
        return presenter.state.live_here is not None or presenter.state.sending

    return (
        made("new", "New chat", page.new_chat, "Ctrl+N", "square-pen"),
        made("rename", "Rename chat", page.rename_selected, "F2", "pencil", selected),
        made("delete", "Delete chat", page.delete_selected, icon="trash-2", enabled=selected),
        made("stop", "Stop the answer", presenter.stop, icon="square", enabled=writing),
        made("again", "Ask again", page.ask_again_last, "Ctrl+R", "refresh-cw", answered),
        made(
            "continue", "Continue answer", page.continue_last, icon="arrow-right", enabled=page.can_continue
        ),
        made("copy", "Copy last answer", page.copy_last, "Ctrl+Shift+C", "copy", answered),
        made("compose", "Write a message", page.focus_composer, "Ctrl+L", "pencil"),
        made("model", "Choose model", page.open_models, "Ctrl+M", "box"),
        made("end", "Go to the newest text", page.to_end, "Ctrl+End", "arrow-down-to-line", selected),
        made("edit", "Edit the last question", presenter.branches.edit_last, "Ctrl+E", "pencil", answered),
        made(
            "branch",
            "Branch from the last answer",
            page.shown.branch_last,
            icon="git-branch",
            enabled=answered,
        ),
        made("compare", "Compare answers side by side", page.open_compare, "Ctrl+Shift+M", "list-tree"),
        made("attach", "Attach files", page.dialogs.attach, "Ctrl+Shift+A", "paperclip"),
        made("panel", "Settings of this chat", page.toggle_panel, "Ctrl+.", "sliders-horizontal"),
        made("context", "Show what the context goes to", page.pane.composer.meter.open, icon="list-tree"),
        made("find", "Find in this chat", page.pane.find_bar.open, "Ctrl+F", "search", selected),
        made("search", "Search all chats", page.open_search, "Ctrl+Shift+F", "search"),
        made("pin", "Pin or unpin chat", page.shown.pin_selected, icon="pin", enabled=selected),
        made("archive", "Archive chat", page.shown.archive_selected, icon="files", enabled=selected),
        made("archived", "Show archived chats", page.shown.toggle_archive, icon="files"),
        made("export", "Export chat", page.shown.export_selected, "Ctrl+Shift+E", "share", selected),
        made("import", "Import chats", page.dialogs.bring_in, icon="download"),
        made("welcome", "Show the welcome", page.show_welcome, icon="circle-help"),
    )


def conversation_actions(presenter: ChatPresenter, show_page: Callable[[], object]) -> Iterable[Action]:
    """One action for each conversation and for each tag, for the palette."""
    for conversation in presenter.state.conversations:

        def open_it(conversation_id: object = conversation.id) -> None:
            show_page()
            for known in presenter.state.conversations:
                if known.id == conversation_id:
                    presenter.spawn(presenter.select(known.id))

        yield Action(
            id=f"chat.open.{conversation.id}",
            title=conversation.title,
            run=open_it,
            group="Chats",
            icon="message-square",
        )
    for tag, count in tags_of(of_view(presenter.state.conversations, archived=False)):

        def narrow(tag: str = tag) -> None:
            show_page()
            presenter.keeping.show_archive(False)
            presenter.keeping.narrow(tag)

        yield Action(
            id=f"chat.tag.{tag}",
            title=f"Show chats tagged #{tag}",
            run=narrow,
            group="Chats",
            icon="list-tree",
            place=counted(count, "chat"),
        )
