"""Connects the parts of the chat page (branches, context, files, search, settings, list) to the presenter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ui.chat.page import ChatPage
    from ui.chat.presenter import ChatPresenter

PASTED = "Pasted text.txt"


def connect_parts(
    page: ChatPage,
    presenter: ChatPresenter,
    show_folder: Callable[[], object],
    show_log: Callable[[], object],
) -> None:
    """Turn what the parts say into the presenter's work; `show_folder` and `show_log` open what lies outside."""
    _connect_messages(page, presenter, show_folder, show_log)
    _connect_branches(page, presenter)
    _connect_composer(page, presenter)
    _connect_finding(page, presenter)
    _connect_list(page, presenter)
    _connect_panel(page, presenter)
    _connect_comparison(page, presenter)


def _connect_messages(
    page: ChatPage,
    presenter: ChatPresenter,
    show_folder: Callable[[], object],
    show_log: Callable[[], object],
) -> None:
    spawn, pane = presenter.spawn, page.pane
    page.list.new_wanted.connect(page.new_chat)
    page.list.selected.connect(lambda c: spawn(presenter.select(c)))
    page.list.renamed.connect(lambda c, title: spawn(presenter.rename(c, title)))
    page.list.delete_wanted.connect(lambda c: spawn(presenter.delete(c)))
    page.picker.chosen.connect(presenter.choose_model)
    pane.composer.sent.connect(lambda text: spawn(presenter.send(text)))
    pane.composer.stopped.connect(presenter.stop)
    pane.composer.edited.connect(presenter.draft_changed)
    pane.older_wanted.connect(page.load_older)
    pane.overlays.copy_wanted.connect(page.copy_answer)
    pane.overlays.again_wanted.connect(lambda m: spawn(presenter.ask_again(m)))
    pane.overlays.continue_wanted.connect(lambda m: spawn(presenter.continue_answer(m)))
    pane.overlays.sibling_wanted.connect(lambda m, step: spawn(presenter.show_sibling(m, step)))
    pane.overlays.log_wanted.connect(show_log)
    pane.notices.log_wanted.connect(show_log)
    pane.notices.dismissed.connect(presenter.dismiss_failure)
    pane.notices.reload_wanted.connect(lambda: spawn(presenter.retry_load()))
    pane.waiting.cancelled.connect(presenter.give_up_loading)
    pane.notices.build_wanted.connect(page.build_engine)
    pane.notices.cancel_wanted.connect(page.cancel_build)
    pane.welcome.example_chosen.connect(page.use_example)
    pane.welcome.models_wanted.connect(page.open_models)
    pane.welcome.folder_wanted.connect(show_folder)
    pane.welcome.build_wanted.connect(page.build_engine)
    pane.welcome.cancel_wanted.connect(page.cancel_build)


def _connect_branches(page: ChatPage, presenter: ChatPresenter) -> None:
    spawn, branches = presenter.spawn, presenter.branches
    overlays, questions = page.pane.overlays, page.pane.questions
    overlays.again_with_wanted.connect(lambda m, model: spawn(branches.ask_again(m, model)))
    overlays.branch_wanted.connect(lambda m: spawn(branches.branch_from(m)))
    questions.branch_wanted.connect(lambda m: spawn(branches.branch_from(m)))
    questions.edit_wanted.connect(branches.begin_edit)
    questions.copy_wanted.connect(page.copy_answer)
    questions.sibling_wanted.connect(lambda m, step: spawn(presenter.show_sibling(m, step)))
    page.pane.newest_wanted.connect(lambda: spawn(presenter.retry_load()))


def _connect_composer(page: ChatPage, presenter: ChatPresenter) -> None:
    composer, spawn, context = page.pane.composer, presenter.spawn, presenter.context
    composer.last_wanted.connect(presenter.branches.edit_last)
    composer.edit_cancelled.connect(presenter.branches.cancel_edit)
    composer.attach_wanted.connect(page.dialogs.attach)
    composer.edit.files_dropped.connect(presenter.files.add_paths)
    composer.files.removed.connect(presenter.files.remove)
    composer.files.paste_as_file.connect(lambda text: presenter.files.add_text(PASTED, text))
    composer.panel_wanted.connect(page.toggle_panel)
    composer.meter.change_wanted.connect(lambda: presenter.change(fit_asked=True))
    page.pane.fit_card.chosen.connect(lambda policy: spawn(context.choose(policy)))
    page.pane.fit_card.chosen_once.connect(lambda policy: spawn(presenter.send(composer.text, policy)))
    page.pane.fit_card.closed.connect(lambda: presenter.change(fit_asked=False))
    for done in (page.pane.fit_card.chosen, page.pane.fit_card.chosen_once, page.pane.fit_card.closed):
        done.connect(page.focus_composer)
    extras = page.pane.overlays.extras
    extras.change_wanted.connect(lambda: presenter.change(fit_asked=True))
    extras.summary_edited.connect(lambda m, text: spawn(context.edit_summary(m, text)))


def _connect_finding(page: ChatPage, presenter: ChatPresenter) -> None:
    finding, spawn = presenter.finding, presenter.spawn
    page.list.sought.connect(finding.look_everywhere)
    page.list.hit_chosen.connect(lambda hit: spawn(finding.show(hit)))
    page.pane.find_bar.typed.connect(finding.look_here)
    page.pane.find_bar.step_wanted.connect(finding.step)
    page.pane.find_bar.closed.connect(finding.close_here)
    page.pane.find_bar.closed.connect(page.focus_composer)


def _connect_list(page: ChatPage, presenter: ChatPresenter) -> None:
    menu, keeping, spawn = page.list.menu, presenter.keeping, presenter.spawn
    menu.pinned.connect(lambda c, on: spawn(keeping.pin(c, on)))
    menu.archived.connect(lambda c, on: spawn(keeping.archive(c, on)))
    menu.foldered.connect(lambda c, folder: spawn(keeping.put_in_folder(c, folder)))
    menu.tagged.connect(lambda c, tags: spawn(keeping.tag(c, tags)))
    menu.archive_shown.connect(keeping.show_archive)
    page.list.narrowed.connect(keeping.narrow)
    menu.export_wanted.connect(page.dialogs.export)
    menu.import_wanted.connect(page.dialogs.bring_in)
    page.export_button.clicked.connect(page.shown.export_selected)
    page.pane.notices.move_cancelled.connect(presenter.moving.cancel)


def _connect_panel(page: ChatPage, presenter: ChatPresenter) -> None:
    panel, choosing, spawn, dialogs = page.panel, presenter.choosing, presenter.spawn, page.dialogs

    def rename(preset_id: UUID) -> None:
        dialogs.ask_name("Rename preset", "", lambda name: spawn(choosing.rename_preset(preset_id, name)))

    page.panel_button.clicked.connect(page.toggle_panel)
    panel.closed.connect(page.toggle_panel)
    panel.changed.connect(lambda fields: spawn(choosing.change(**fields)))
    panel.preset_chosen.connect(lambda preset: spawn(choosing.use_preset(preset)))
    panel.save_wanted.connect(
        lambda: dialogs.ask_name("Save as preset", "", lambda name: spawn(choosing.save_preset(name)))
    )
    panel.rename_wanted.connect(rename)
    panel.delete_wanted.connect(lambda preset: spawn(choosing.delete_preset(preset)))
    panel.export_wanted.connect(dialogs.export_presets)
    panel.import_wanted.connect(dialogs.import_presets)


def _connect_comparison(page: ChatPage, presenter: ChatPresenter) -> None:
    view, comparing, spawn = page.pane.compare, presenter.comparing, presenter.spawn
    comparing.text_arrived = view.feed
    view.taken.connect(lambda place: spawn(comparing.take(place)))
    view.stopped.connect(comparing.stop)
    view.left.connect(lambda: spawn(comparing.leave()))
