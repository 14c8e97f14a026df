"""States of the chat page: branches, context, search, files, settings, side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import PurePath

import scripted_content as content
from scene import Scene
from scripted_chat import ROOM
from window_stage import Stage, button, shows

from backend_embedded.contract.attachments import Attachment
from backend_embedded.contract.context import AnswerContext, ContextPolicy, Summary
from backend_embedded.contract.conversations import (
    ChatStarted,
    Conversation,
    ConversationSettings,
    MessageStatus,
    Seam,
)
from backend_embedded.contract.generation import Role, SamplingOptions, TextDelta
from backend_embedded.contract.presets import PresetValues
from backend_embedded.contract.transfer import ExportFormat, ImportFormat, ImportReport
from ui.chat.chats import moving_state
from ui.chat.compare.compare_state import Way

FULL = ROOM.model_copy(
    update={
        "prompt": 4821,
        "history": 4361,
        "question": 240,
        "room": 0,
        "fits": False,
        "largest": 8192,
        "enlarged_size": 8192,
        "enlarged_bytes": 201_326_592,
        "droppable": 6,
    }
)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "ports": {"type": "array"}}}
ANSWER = {"name": "web", "image": "nginx:1.27", "ports": [80, 443], "health": {"every_s": 30, "tries": 3}}


async def open_last(stage: Stage) -> Conversation:
    """Show the chat that was written to last."""
    last = next(c for c in stage.backend.listed.values() if c.title == "Retry with backoff")
    await stage.open_chat(last)
    await stage.until("the meter", lambda: stage.chat.state.context is not None)
    return last


async def branches(stage: Stage) -> None:
    answer = (
        "A container shares the kernel with its host.\n\n"
        "Namespaces say what it sees; control groups say how much it may use."
    )
    made = stage.backend.add("What is a container?", ("What is a container?", answer))
    question, last = stage.backend.stored[made.id]
    seam = Seam(
        offset=46, provider="llama.cpp", model=content.TINY.title, reason="Ollama stopped during the answer"
    )
    stage.backend.stored[made.id][0] = question.model_copy(
        update={"siblings": (stage.backend.new_id(), question.id)}
    )
    stats = content.STATS.model_copy(update={"reason": "Ollama lost, llama.cpp went on"})
    stage.backend.change_last(
        made, seams=(seam,), stats=stats, siblings=(last.id, stage.backend.new_id(), stage.backend.new_id())
    )
    await stage.chat.resync()
    await stage.open_chat(made)
    await stage.until("the seam", lambda: "From here on" in stage.chat_page.pane.view.toPlainText())
    await stage.until("the arrows", lambda: stage.chat_page.pane.questions.bar_of(question.id))
    bar = stage.chat_page.pane.questions.bar_of(question.id)
    assert bar is not None
    bar.set_hovered(True)


async def editing(stage: Stage) -> None:
    await open_last(stage)
    stage.chat.branches.edit_last()
    await stage.until("the question in the composer", lambda: stage.chat_page.pane.composer.text)


async def meter(stage: Stage) -> None:
    await open_last(stage)
    stage.chat_page.pane.composer.meter.open()
    await stage.until("the popover", stage.chat_page.pane.composer.meter.popover.isVisible)


async def does_not_fit(stage: Stage) -> None:
    stage.backend.use = FULL
    await open_last(stage)
    await stage.until("the choices", lambda: button(stage.chat_page, "Drop the oldest"))


async def summarized(stage: Stage) -> None:
    texts = tuple(f"{'Question' if n % 2 == 0 else 'Answer'} number {n // 2 + 1}." for n in range(6))
    made = stage.backend.add("A long talk", texts)
    messages = stage.backend.stored[made.id]
    summary = Summary(
        id=stage.backend.new_id(),
        text="They planned the move to a new host: data first, then the names, the old host for a week.",
        covers=tuple(m.id for m in messages[:4]),
        tokens=24,
    )
    context = AnswerContext(
        policy=ContextPolicy.SUMMARIZE, unseen=tuple(m.id for m in messages[:4]), summary=summary, size=2048
    )
    stage.backend.change_last(made, context=context, stats=content.STATS)
    await stage.chat.resync()
    await stage.open_chat(made)
    await stage.until("the mark", lambda: button(stage.chat_page, "Show summary"))
    shown = button(stage.chat_page, "Show summary")
    assert shown is not None
    shown.click()
    await stage.until("the summary", lambda: button(stage.chat_page, "Save summary"))


async def search_all(stage: Stage) -> None:
    await open_last(stage)
    stage.chat_page.list.open_search()
    stage.chat_page.list.search.setText("retry")
    await stage.until("the hits", lambda: stage.chat_page.list.results.count() > 0)


async def find_here(stage: Stage) -> None:
    await open_last(stage)
    stage.chat_page.pane.find_bar.open()
    stage.chat_page.pane.find_bar.field.setText("retry")
    await stage.until("the count", lambda: shows(stage.chat_page.pane.find_bar, "1 of"))


async def folders(stage: Stage) -> None:
    some = list(stage.backend.listed.values())
    for one, change in zip(
        some,
        (
            {"pinned": True, "tags": ("docker",)},
            {"folder": "Work/Logs", "tags": ("docker", "a-rather-long-tag", "logs")},
            {"folder": "Work/Logs"},
        ),
        strict=False,
    ):
        stage.backend.listed[one.id] = one.model_copy(update=change)
    await stage.chat.resync()
    await stage.until("the folder", lambda: "Work/Logs" in stage.chat_page.list.titles())
    await stage.until("the tags", stage.chat_page.list.tags.isVisible)


async def tagged(stage: Stage) -> None:
    await folders(stage)
    stage.chat.keeping.narrow("docker")
    await stage.until("those chats", lambda: stage.chat_page.list.tags.currentText().startswith("#docker"))


async def exporting(stage: Stage) -> None:
    await open_last(stage)
    stage.backend.moving_gate = asyncio.Event()
    stage.chat.moving.export(None, ExportFormat.JSON, "/nowhere/Chats.json")
    await stage.until("the job", lambda: shows(stage.chat_page.pane.notices, "3 chats"))


async def imported(stage: Stage) -> None:
    await open_last(stage)
    file = "/home/mira/Downloads/conversations.json"
    report = ImportReport(
        format=ImportFormat.CHATGPT,
        conversations=tuple(stage.backend.new_id() for _ in range(12)),
        messages=1284,
        unchanged=2,
        skipped=("images", "tool calls"),
    )
    stage.chat.moving.told(moving_state.imported(report, PurePath(file).name))
    out = "/home/mira/Documents/Chats.md"
    stage.chat.moving.told(moving_state.exported(out, 1_284_000, ExportFormat.MARKDOWN, 48))
    await stage.until("both", lambda: len(stage.shell.notifications.toasts()) == 2)


async def files(stage: Stage) -> None:
    await open_last(stage)
    stage.chat.files.add_text("measurements.csv", "time,value\n" * 400)
    stage.chat.files.add_text("a-rather-long-name-of-some-protocol-2026-03-04.md", "word " * 900)
    await stage.until("the costs", lambda: shows(stage.chat_page.pane.composer.files, "1,125 tokens"))
    refused = stage.chat.state.files[-1]
    stage.chat.change(
        files=(
            *stage.chat.state.files,
            type(refused)(9, "photo.png", refused="It is an image; only text can be attached."),
        )
    )
    made = Attachment(
        id=stage.backend.new_id(),
        name="server.log",
        media_type="text/plain",
        size_bytes=4200,
        characters=4200,
        tokens=1284,
    )
    question = stage.chat.state.transcript.messages[0].model_copy(update={"attachments": (made,)})
    stage.chat.change(transcript=stage.chat.state.transcript.with_message(question))
    stage.chat_page.pane.view.scroll_to(0)


async def panel(stage: Stage) -> None:
    await stage.backend.save_preset(PresetValues(name="Precise", system="Answer in short sentences."))
    await open_last(stage)
    stage.chat_page.toggle_panel()
    await stage.until("the presets", lambda: stage.chat.state.presets)
    await stage.chat.choosing.use_preset(stage.chat.state.presets[0].id)


async def structured(stage: Stage) -> None:
    made = stage.backend.add("Describe the service", ("Describe the service as JSON.", json.dumps(ANSWER)))
    settings = ConversationSettings(options=SamplingOptions(json_schema=SCHEMA))
    stage.backend.listed[made.id] = made.model_copy(update={"settings": settings})
    stage.backend.change_last(made, stats=content.STATS)
    await stage.chat.resync()
    await stage.open_chat(made)
    await stage.until("the tree", lambda: button(stage.chat_page, "Hide tree"))


async def side_by_side(stage: Stage) -> None:
    made = stage.backend.add("What is a container?")
    first = stage.backend.started(made, "What is a container?")
    stage.backend.prepare(first)
    answer = stage.backend.message(
        made.id, Role.ASSISTANT, "", first.answer.parent_id, status=MessageStatus.WRITING
    )
    stage.backend.prepare(ChatStarted(conversation=made, answer=answer))
    ways = (Way(content.TINY.name, content.TINY.title), Way(content.SMOL.name, content.SMOL.title))
    stage.chat.spawn(stage.chat.comparing.start("What is a container?", ways))
    await stage.until("two streams", lambda: len(stage.backend.scripts) == 2)
    for script, text in zip(stage.backend.scripts, (content.HALF_ANSWER, "A box for programs."), strict=True):
        script.put_nowait(TextDelta(text=text, tokens=9))
    views = stage.chat_page.pane.compare.columns
    await stage.until("both texts", lambda: len(views) == 2 and "A box" in views[1].view.toPlainText())
    await stage.until("all written", lambda: "for exam" in views[0].view.toPlainText())


CHAT_SCENES: Sequence[Scene] = (
    Scene("chat-branches", branches),
    Scene("chat-editing", editing),
    Scene("chat-meter", meter),
    Scene("chat-does-not-fit", does_not_fit),
    Scene("chat-summary", summarized),
    Scene("chat-search", search_all),
    Scene("chat-find", find_here),
    Scene("chat-folders", folders),
    Scene("chat-tag", tagged),
    Scene("chat-exporting", exporting),
    Scene("chat-imported", imported),
    Scene("chat-files", files),
    Scene("chat-settings", panel),
    Scene("chat-structured", structured),
    Scene("chat-compare", side_by_side),
)
