"""The backend's HTTP interface as typed calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from backend_embedded.contract.context import ContextRequest, ContextUse, Summary, SummaryPatch
from backend_embedded.contract.conversations import (
    ChatEvent,
    ChatFailed,
    ChatFinished,
    ChatRequest,
    Conversation,
    ConversationCreate,
    ConversationPatch,
    Message,
    SearchHit,
    chat_event,
)
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.generation import (
    Failed,
    Finished,
    GenerateRequest,
    GenerationEvent,
    generation_event,
)
from backend_embedded.contract.library import (
    CatalogueEntry,
    CopyRequest,
    Download,
    ImportRequest,
    ModelDetails,
    ModelPatch,
    PullRequest,
    Remote,
)
from backend_embedded.contract.models import Engine, Model
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.contract.status import SystemStatus
from ui.client.calls import LONG_CALL_TIMEOUT_S, Calls, segment
from ui.client.chat_things import ChatThings
from ui.client.data_things import DataThings
from ui.client.failures import cut_off
from ui.client.local_api_things import LocalApiThings
from ui.client.ollama_things import OllamaThings
from ui.client.overview_things import OverviewThings
from ui.client.port import MessagePage
from ui.client.service_things import ServiceThings

_status = TypeAdapter(Success[SystemStatus])
_conversation = TypeAdapter(Success[Conversation])
_conversations = TypeAdapter(Success[list[Conversation]])
_messages = TypeAdapter(Success[tuple[Message, ...]])
_models = TypeAdapter(Success[list[Model]])
_engine = TypeAdapter(Success[Engine])
_catalogue = TypeAdapter(Success[list[CatalogueEntry]])
_remote = TypeAdapter(Success[Remote])
_download = TypeAdapter(Success[Download])
_downloads = TypeAdapter(Success[list[Download]])
_details = TypeAdapter(Success[ModelDetails])
_freed = TypeAdapter(Success[dict[str, int]])
_settings = TypeAdapter(Success[BackendSettings])
_context_use = TypeAdapter(Success[ContextUse])
_summary = TypeAdapter(Success[Summary])
_hits = TypeAdapter(Success[list[SearchHit]])
_anything = TypeAdapter(Success[Any])


class BackendClient(
    ChatThings, OllamaThings, LocalApiThings, DataThings, OverviewThings, ServiceThings, Calls
):
    """Every call as a typed method; see `Backend`."""

    async def status(self) -> SystemStatus:
        """State of each capability."""
        return (await self._call("GET", "/api/v1/status", _status)).data

    async def create_conversation(self, title: str) -> Conversation:
        """Make an empty conversation."""
        body = ConversationCreate(title=title)
        return (await self._call("POST", "/api/v1/conversations", _conversation, body=body)).data

    async def patch_conversation(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change the fields that were given to the patch; the others are left alone."""
        path = f"/api/v1/conversations/{conversation_id}"
        return (await self._call("PATCH", path, _conversation, body=patch)).data

    async def delete_conversation(self, conversation_id: UUID, purge: bool = False) -> None:
        """Move a conversation to the bin; with `purge`, remove it for good."""
        query = {"purge": "true"} if purge else {}
        await self._call("DELETE", f"/api/v1/conversations/{conversation_id}", _anything, query=query)

    async def messages(
        self, conversation_id: UUID, leaf: UUID | None = None, limit: int = 20, before: UUID | None = None
    ) -> MessagePage:
        """The last `limit` messages (before `before`) of the branch that ends in `leaf`."""
        query: dict[str, Any] = {"limit": limit}
        query |= {"leaf": str(leaf)} if leaf else {}
        query |= {"before": str(before)} if before else {}
        path = f"/api/v1/conversations/{conversation_id}/messages"
        answer = await self._call("GET", path, _messages, query=query)
        page = answer.metadata.page
        return MessagePage(answer.data, page.total if page else len(answer.data))

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream an answer into a conversation; closing the generator stops the engine."""
        async with aclosing(self._stream("/api/v1/chat", request, chat_event)) as events:
            async for event in events:
                yield event
                if isinstance(event, ChatFinished | ChatFailed):
                    return
        raise cut_off()

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Stream an answer to one prompt; closing the generator stops the engine."""
        async with aclosing(self._stream("/api/v1/generate", request, generation_event)) as events:
            async for event in events:
                yield event
                if isinstance(event, Finished | Failed):
                    return
        raise cut_off()

    async def models(self) -> list[Model]:
        """All models on this machine."""
        return (await self._call("GET", "/api/v1/models", _models)).data

    async def load_model(self, name: str) -> None:
        """Bring a model into memory now."""
        await self._call(
            "POST", f"/api/v1/models/{segment(name)}/load", _anything, limit_s=LONG_CALL_TIMEOUT_S
        )

    async def unload_model(self, name: str) -> None:
        """Free a model's memory."""
        await self._call("POST", f"/api/v1/models/{segment(name)}/unload", _anything)

    async def catalogue(self) -> list[CatalogueEntry]:
        """Models that the program knows of."""
        return (await self._call("GET", "/api/v1/catalogue", _catalogue)).data

    async def remote(self, reference: str) -> Remote:
        """Files, sizes and licence of a model before it is fetched."""
        query = {"reference": reference}
        return (
            await self._call("GET", "/api/v1/remote", _remote, query=query, limit_s=LONG_CALL_TIMEOUT_S)
        ).data

    async def downloads(self) -> list[Download]:
        """All downloads, the oldest first."""
        return (await self._call("GET", "/api/v1/downloads", _downloads)).data

    async def pull(self, request: PullRequest) -> Download:
        """Begin to fetch a model."""
        answer = await self._call(
            "POST", "/api/v1/downloads", _download, body=request, limit_s=LONG_CALL_TIMEOUT_S
        )
        return answer.data

    async def pause_download(self, download_id: str) -> Download:
        """Stop a download; what came stays on the disk."""
        path = f"/api/v1/downloads/{segment(download_id)}/pause"
        return (await self._call("POST", path, _download)).data

    async def resume_download(self, download_id: str) -> Download:
        """Go on with a download where it was."""
        path = f"/api/v1/downloads/{segment(download_id)}/resume"
        return (await self._call("POST", path, _download)).data

    async def cancel_download(self, download_id: str) -> None:
        """End a download and remove what came of it; one that is done goes off the list."""
        await self._call("DELETE", f"/api/v1/downloads/{segment(download_id)}", _anything)

    async def import_model(self, request: ImportRequest) -> Download:
        """Begin to bring a GGUF file of this machine into the models folder; it is listed as a download."""
        return (await self._call("POST", "/api/v1/models/import", _download, body=request)).data

    async def model_details(self, name: str) -> ModelDetails:
        """All that is known of a model."""
        return (await self._call("GET", f"/api/v1/models/{segment(name)}", _details)).data

    async def patch_model(self, name: str, patch: ModelPatch) -> ModelDetails:
        """Pin a model in memory, or make it the default one."""
        path = f"/api/v1/models/{segment(name)}"
        return (await self._call("PATCH", path, _details, body=patch, limit_s=LONG_CALL_TIMEOUT_S)).data

    async def copy_model(self, name: str, new_name: str) -> None:
        """Give a model a second name."""
        path = f"/api/v1/models/{segment(name)}/copy"
        await self._call("POST", path, _anything, body=CopyRequest(name=new_name))

    async def remove_model(self, name: str) -> int:
        """Remove a model from the disk; returns the bytes that this freed."""
        answer = await self._call("DELETE", f"/api/v1/models/{segment(name)}", _freed)
        return answer.data.get("freed_bytes", 0)

    async def engine(self) -> Engine:
        """State of the local engine."""
        return (await self._call("GET", "/api/v1/engine", _engine)).data

    async def build_engine(self) -> Engine:
        """Start the job that builds the engine."""
        return (await self._call("POST", "/api/v1/engine/build", _engine)).data

    async def cancel_engine_build(self) -> Engine:
        """Stop the job that builds the engine."""
        return (await self._call("POST", "/api/v1/engine/cancel", _engine)).data

    async def settings(self) -> BackendSettings:
        """The backend's settings."""
        return (await self._call("GET", "/api/v1/settings", _settings)).data

    async def patch_settings(self, patch: SettingsPatch) -> BackendSettings:
        """Change the fields that were given to the patch; the others are left alone."""
        return (await self._call("PATCH", "/api/v1/settings", _settings, body=patch)).data

    async def context_use(self, request: ContextRequest) -> ContextUse:
        """Where the tokens would go if this were sent now; nothing is stored."""
        answer = await self._call(
            "POST", "/api/v1/context", _context_use, body=request, limit_s=LONG_CALL_TIMEOUT_S
        )
        return answer.data

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """Give a summary another text; later answers read that."""
        body = SummaryPatch(text=text)
        return (await self._call("PATCH", f"/api/v1/summaries/{summary_id}", _summary, body=body)).data

    async def raw_events(self, last_event_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of the event stream, from after an event id on; empty bytes at once when it is open."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with aclosing(self._chunks("GET", "/api/v1/events", headers=headers)) as chunks:
            async for chunk in chunks:
                yield chunk
