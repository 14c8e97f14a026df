"""Sends questions, and goes on with answers that were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.context import ContextPolicy
from backend_embedded.contract.conversations import ChatRequest, ConversationSettings

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.errors import ErrorBody
    from ui.chat.drafts import DraftSaver
    from ui.chat.presenter import ChatPresenter
    from ui.chat.store import ChatStore


class Asking:
    """A question takes its draft, its files and the settings of a new chat along."""

    def __init__(self, presenter: ChatPresenter, store: ChatStore, drafts: DraftSaver) -> None:
        self._presenter = presenter
        self._store = store
        self._drafts = drafts

    async def send(self, text: str, once: ContextPolicy | None = None) -> None:
        """Ask; the answer streams in. A refused question comes back as the draft."""
        state = self._presenter.state
        if not text.strip() or state.cannot_send:
            return
        if state.editing is not None:
            await self._presenter.branches.send_edited(text)
            return
        if once is None and await self._does_not_fit(text):
            self._presenter.change(fit_asked=True)
            return
        state = self._presenter.state
        key, settings, files = state.selected, state.new_settings, state.files
        self._drafts.forget(key)
        drafts = {k: v for k, v in state.drafts.items() if k != key} | {key: ""}
        fresh = key is None and settings != ConversationSettings()
        request = ChatRequest(
            conversation_id=key,
            content=text,
            attachments=self._presenter.files.ready(),
            model=state.asked_model,
            system=settings.system if fresh else None,
            options=settings.options if fresh else None,
            context_policy=once or (settings.context_policy if fresh else None),
        )
        self._presenter.change(sending=True, failure=None, drafts=drafts, files=(), fit_asked=False)
        if await self.ask(request, key, text) is not None and not self._store.kept.files:
            self._presenter.change(files=files)

    async def _does_not_fit(self, text: str) -> bool:
        """Count before sending, also when Enter was quicker than the meter."""
        if self._presenter.state.settings.context_policy is not ContextPolicy.ASK:
            return False
        self._store.put(sending=True)
        try:
            await self._presenter.context.settle(text)
        finally:
            self._store.put(sending=False)
        return self._presenter.state.does_not_fit

    async def ask(self, request: ChatRequest, key: UUID | None, text: str = "") -> ErrorBody | None:
        """Send a request and read its answer to the end; the error when nothing was stored."""
        failure = await self._store.answers.run(request, key)
        if (kept := self._store.to_keep) is not None:
            self._store.to_keep = None
            self._presenter.spawn(self._presenter.choosing.keep(*kept))
        self._store.put(sending=False)
        if failure is not None:
            drafts = dict(self._store.kept.drafts)
            if text and not drafts.get(key):
                drafts[key] = text
            self._store.put(failure=failure, drafts=drafts)
        self._store.tell()
        return failure

    async def continue_answer(self, message_id: UUID) -> None:
        """Go on with a cut or stopped answer, in place."""
        message = self._store.kept.transcript.message(message_id)
        if message is None or self._presenter.state.cannot_send:
            return
        self._presenter.change(sending=True, failure=None)
        request = ChatRequest(
            conversation_id=message.conversation_id,
            continue_message=message_id,
            model=self._store.kept.asked_model,
        )
        await self.ask(request, message.conversation_id)
