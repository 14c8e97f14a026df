"""Every state of the window that is worth a picture, and how a scripted window is brought there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import scripted_content as content
from chat_scenes import CHAT_SCENES
from model_scenes import MODEL_SCENES
from overview_scenes import OVERVIEW_SCENES
from scene import Scene, without_engine
from settings_scenes import SETTINGS_SCENES
from window_stage import Stage, button, shows

from app.connection import Connection
from app.living_backend import Address
from app.supervision import Lost, Serving
from backend_embedded.contract.generation import PromptProgress, TextDelta
from backend_embedded.contract.models import Engine, EngineState
from ui.shell.values import Notification

QUESTION = "What is a container?"


# Chat


async def empty(stage: Stage) -> None:
    await stage.until("the empty chat", lambda: shows(stage.chat_page, "Ask anything"))


async def first_chat(stage: Stage) -> None:
    await stage.until("the empty list", lambda: shows(stage.chat_page.list, "No chats yet"))


async def welcome(stage: Stage) -> None:
    fact = stage.chat_page.pane.welcome.model_row
    await stage.until("the facts of the welcome", lambda: shows(fact, "A model is on board"))
    stage.chat_page.focus_composer()
    await stage.until("the focus in the composer", stage.chat_page.pane.composer.edit.hasFocus)


async def welcome_building(stage: Stage) -> None:
    without_engine(stage, content.BUILDING)
    row = stage.chat_page.pane.welcome.engine_row
    await stage.until("the build in the welcome", lambda: shows(row, "41 of 186 steps"))


async def reading(stage: Stage) -> None:
    await begin_answer(stage)
    stage.backend.scripts[-1].put_nowait(PromptProgress(done=412, total=940))
    await stage.until("the reading of the prompt", lambda: shows(stage.chat_page, "412 of 940 tokens"))


async def writing(stage: Stage) -> None:
    await begin_answer(stage)
    script = stage.backend.scripts[-1]
    pieces = content.HALF_ANSWER.split(" ")
    for number, piece in enumerate(pieces, 1):
        script.put_nowait(TextDelta(text=piece if number == 1 else f" {piece}", tokens=number))
    view = stage.chat_page.pane.view
    await stage.until("the text", lambda: view.toPlainText().rstrip().endswith("for exam"))
    stage.clock_s = 2.0
    await stage.until(
        "the rate", lambda: shows(stage.chat_page, "Writing · ") and shows(stage.chat_page, "2.0 s")
    )


async def full(stage: Stage) -> None:
    last = next(c for c in stage.backend.listed.values() if c.title == "Retry with backoff")
    await stage.open_chat(last)
    await shown_facts(stage)


async def full_top(stage: Stage) -> None:
    await full(stage)
    stage.chat_page.pane.view.scroll_to(0)
    await stage.until("the code's controls", lambda: button(stage.chat_page, "Copy python"))


async def error(stage: Stage) -> None:
    await open_cut(stage, "")
    await stage.until("Ask again", lambda: button(stage.chat_page, "Ask again"))


async def incomplete(stage: Stage) -> None:
    await open_cut(stage, content.HALF_ANSWER)
    await stage.until("Continue", lambda: button(stage.chat_page, "Continue answer"))


async def unreadable(stage: Stage) -> None:
    stage.backend.refuse(content.UNREADABLE, "messages")
    await stage.chat.select(next(iter(stage.backend.listed)))
    await stage.until("Try again", lambda: button(stage.chat_page, "Try again"))


async def refused(stage: Stage) -> None:
    stage.backend.refuse(content.TOO_LONG, "chat")
    stage.chat_page.pane.composer.edit.setPlainText("Sum this up: " + content.HALF_ANSWER)
    stage.chat_page.pane.composer.send()
    await stage.until("the counts", lambda: shows(stage.chat_page.pane.notices, "4,821 tokens"))
    await stage.until("the draft", lambda: stage.chat_page.pane.composer.text.startswith("Sum this up"))


async def model_list(stage: Stage) -> None:
    stage.chat_page.open_models()
    await stage.until("the models", lambda: stage.chat_page.picker.popover.list.count() == 3)


# The backend and the engine


async def backend_lost(stage: Stage) -> None:
    await full(stage)
    link = Connection(0.0)
    link.backend_is(Serving(Address("", "", 1), owned=True), 0.0)
    link.stream_is(True, 0.0)
    link.backend_is(Lost("The backend ended (killed by SIGKILL).", retry_at_s=103.0, tries=1), 100.0)
    notice = link.notice(100.0)
    assert notice is not None
    stage.connection_is(False)
    stage.shell.band.lost(notice.text)
    await stage.until("the band", lambda: shows(stage.shell.band, "Trying again in 3 s"))
    hint = stage.chat_page.pane.composer.hint
    await stage.until("why nothing can be sent", lambda: "lost" in hint.text())


async def engine_building(stage: Stage) -> None:
    without_engine(stage, content.BUILDING)
    await stage.until("the build's steps", lambda: shows(stage.chat_page.pane.notices, "41 of 186 steps"))


async def engine_failed(stage: Stage) -> None:
    without_engine(stage, content.BUILD_FAILED)
    await stage.until("Build again", lambda: button(stage.chat_page.pane.notices, "Build again"))


async def engine_missing(stage: Stage) -> None:
    without_engine(stage, Engine(state=EngineState.MISSING))
    await stage.until("Build now", lambda: button(stage.chat_page.pane.notices, "Build now"))


# The shell


async def palette(stage: Stage) -> None:
    stage.shell.open_palette()
    await stage.until("the commands", lambda: "New chat" in stage.shell.palette_overlay.titles())


async def palette_typed(stage: Stage) -> None:
    await palette(stage)
    stage.shell.palette_overlay.query().setText("ch")
    await stage.until("what matches", lambda: "Delete chat" not in stage.shell.palette_overlay.titles()[:1])


async def palette_nothing(stage: Stage) -> None:
    await palette(stage)
    stage.shell.palette_overlay.query().setText("zzz")
    await stage.until(
        "that nothing matches", lambda: shows(stage.shell.palette_overlay, "No command matches")
    )


async def shortcuts(stage: Stage) -> None:
    stage.shell.open_shortcut_sheet()
    await stage.until("the shortcuts", lambda: shows(stage.shell.shortcut_sheet, "Keyboard shortcuts"))


async def status_popover(stage: Stage) -> None:
    for capability in content.model_degraded():
        stage.capability_is(capability)
    item = stage.shell.status_bar.item("model")
    assert item is not None
    item.click()
    await stage.until("the popover", lambda: shows(stage.shell, "Model is degraded"))


async def toast(stage: Stage) -> None:
    stage.shell.notify(notifications(stage)[0])
    stage.shell.notify(notifications(stage)[1])
    await stage.until("the toasts", lambda: len(stage.shell.notifications.toasts()) == 2)


async def history(stage: Stage) -> None:
    for notification in reversed(notifications(stage)):
        stage.shell.notify(notification, seen=True)
    stage.shell.status_bar.bell.click()
    await stage.until("the history", lambda: shows(stage.shell, "Yesterday"))


async def narrow_rail(stage: Stage) -> None:
    await full(stage)
    stage.shell.toggle_rail()
    await stage.until("the closed rail", lambda: not stage.shell.rail.is_open)


SCENES: Sequence[Scene] = (
    Scene("chat-empty", empty),
    Scene("chat-first", first_chat, filled=False),
    Scene("welcome", welcome, filled=False, welcomed=False),
    Scene("welcome-building", welcome_building, filled=False, welcomed=False),
    Scene("chat-reading", reading),
    Scene("chat-writing", writing),
    Scene("chat-full", full),
    Scene("chat-full-top", full_top),
    Scene("chat-rail-closed", narrow_rail),
    Scene("chat-error", error),
    Scene("chat-incomplete", incomplete),
    Scene("chat-unreadable", unreadable),
    Scene("chat-refused", refused),
    Scene("chat-models", model_list),
    Scene("backend-lost", backend_lost),
    Scene("engine-building", engine_building),
    Scene("engine-failed", engine_failed),
    Scene("engine-missing", engine_missing),
    Scene("palette", palette),
    Scene("palette-typed", palette_typed),
    Scene("palette-nothing", palette_nothing),
    Scene("shortcuts", shortcuts),
    Scene("status-popover", status_popover),
    Scene("toast", toast),
    Scene("notifications", history),
    *CHAT_SCENES,
    *MODEL_SCENES,
    *OVERVIEW_SCENES,
    *SETTINGS_SCENES,
)


# Ways there


async def begin_answer(stage: Stage) -> None:
    """Ask, and let the answer be begun."""
    conversation = stage.backend.add(QUESTION)
    stage.backend.prepare(stage.backend.started(conversation, QUESTION))
    stage.chat_page.pane.composer.edit.setPlainText(QUESTION)
    stage.chat_page.pane.composer.send()
    await stage.until("the answer is begun", lambda: stage.chat.state.live_here)


async def open_cut(stage: Stage, text: str) -> None:
    """Show a chat whose answer was cut off after `text`."""
    cut = content.cut_short(stage.backend, QUESTION, text)
    await stage.chat.resync()
    await stage.open_chat(cut)
    message = stage.backend.stored[cut.id][-1]
    await stage.until("the card", lambda: stage.chat_page.pane.overlays.card_of(message.id))


async def shown_facts(stage: Stage) -> None:
    """Wait for the figures under the answer."""
    await stage.until("the figures", lambda: shows(stage.chat_page, "38.2 tok/s"))


def notifications(stage: Stage) -> tuple[Notification, ...]:
    """What could have been said, the oldest last."""
    undo, log = ("Undo", stage.chat.new_chat), ("Show log", stage.chat.new_chat)
    at = content.today_at(9, 41)
    return (
        Notification("degraded", f"{content.TINY.title} stopped", content.CRASHED.message, (log,), at),
        Notification("ok", "Chat deleted", "Names for a cat", (undo,), at),
        Notification(
            "down", "The engine could not be built", content.BUILD_FAILED.message, (), at - timedelta(days=1)
        ),
    )
