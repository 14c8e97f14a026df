"""What the window's presenters ask of the backend, so that tests can put a fake in its place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import ContextRequest, ContextUse, Summary
from backend_embedded.contract.conversations import (
    BranchRequest,
    ChatEvent,
    ChatRequest,
    Conversation,
    ConversationPatch,
    Message,
    SearchHit,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import GenerateRequest, GenerationEvent
from backend_embedded.contract.library import (
    CatalogueEntry,
    Download,
    ImportRequest,
    ModelDetails,
    ModelPatch,
    PullRequest,
    Remote,
)
from backend_embedded.contract.local_api import LocalApiInfo
from backend_embedded.contract.models import Engine, Model
from backend_embedded.contract.ollama import OllamaProgress, OllamaStatus
from backend_embedded.contract.presets import Preset, PresetFile, PresetValues
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.contract.status import SystemStatus
from backend_embedded.contract.transfer import ExportFormat, ImportReport


class ClientError(Exception):
    """The backend answered with an error, or did not answer (code BACKEND_UNREACHABLE).

    Attributes:
        body: code, words, remedy and details.
    """

    def __init__(self, body: ErrorBody) -> None:
        super().__init__(body.message)
        self.body = body

    @property
    def code(self) -> ErrorCode:
        """What programs decide by."""
        return self.body.code


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages of one branch, oldest first.

    Attributes:
        messages: consecutive messages of the branch.
        total: length of the whole branch.
    """

    messages: tuple[Message, ...]
    total: int


class Backend(Protocol):
    """The calls of the backend. Every method raises `ClientError`."""

    async def status(self) -> SystemStatus:
        """State of each capability."""
        ...

    async def conversations(
        self,
        limit: int = 100,
        offset: int = 0,
        *,
        archived: bool = False,
        folder: str | None = None,
        tag: str | None = None,
    ) -> list[Conversation]:
        """Conversations that are not in the bin, pinned ones first, then last changed first."""
        ...

    async def create_conversation(self, title: str) -> Conversation:
        """Make an empty conversation."""
        ...

    async def patch_conversation(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change the fields that were given to the patch; the others are left alone."""
        ...

    async def delete_conversation(self, conversation_id: UUID, purge: bool = False) -> None:
        """Move a conversation to the bin; with `purge`, remove it for good."""
        ...

    async def messages(
        self, conversation_id: UUID, leaf: UUID | None = None, limit: int = 20, before: UUID | None = None
    ) -> MessagePage:
        """The last `limit` messages (before `before`) of the branch that ends in `leaf`."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream an answer into a conversation; closing the generator stops the engine."""
        ...

    def generate(self, request: GenerateRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Stream an answer to one prompt; closing the generator stops the engine."""
        ...

    async def models(self) -> list[Model]:
        """All models on this machine."""
        ...

    async def load_model(self, name: str) -> None:
        """Bring a model into memory now."""
        ...

    async def unload_model(self, name: str) -> None:
        """Free a model's memory."""
        ...

    async def catalogue(self) -> list[CatalogueEntry]:
        """Models that the program knows of."""
        ...

    async def remote(self, reference: str) -> Remote:
        """Files, sizes and licence of a model before it is fetched."""
        ...

    async def downloads(self) -> list[Download]:
        """All downloads, the oldest first."""
        ...

    async def pull(self, request: PullRequest) -> Download:
        """Begin to fetch a model."""
        ...

    async def pause_download(self, download_id: str) -> Download:
        """Stop a download; what came stays on the disk."""
        ...

    async def resume_download(self, download_id: str) -> Download:
        """Go on with a download where it was."""
        ...

    async def cancel_download(self, download_id: str) -> None:
        """End a download and remove what came of it; one that is done goes off the list."""
        ...

    async def import_model(self, request: ImportRequest) -> Download:
        """Begin to bring a GGUF file of this machine into the models folder; it is listed as a download."""
        ...

    async def model_details(self, name: str) -> ModelDetails:
        """All that is known of a model."""
        ...

    async def patch_model(self, name: str, patch: ModelPatch) -> ModelDetails:
        """Pin a model in memory, or make it the default one."""
        ...

    async def copy_model(self, name: str, new_name: str) -> None:
        """Give a model a second name."""
        ...

    async def remove_model(self, name: str) -> int:
        """Remove a model from the disk; returns the bytes that this freed."""
        ...

    async def engine(self) -> Engine:
        """State of the local engine."""
        ...

    async def build_engine(self) -> Engine:
        """Start the job that builds the engine."""
        ...

    async def cancel_engine_build(self) -> Engine:
        """Stop the job that builds the engine."""
        ...

    async def local_api(self) -> LocalApiInfo:
        """Mode, address and key of the local API."""
        ...

    async def new_local_api_key(self) -> LocalApiInfo:
        """Make another key; the old one is refused from then on."""
        ...

    async def ollama(self) -> OllamaStatus:
        """The Ollama server: whether it answers, and what it has in memory."""
        ...

    def pull_ollama_model(self, name: str) -> AsyncGenerator[OllamaProgress, None]:
        """Have the Ollama server fetch a model; closing the generator holds it, the parts that came stay."""
        ...

    async def remove_ollama_model(self, name: str) -> OllamaStatus:
        """Have the Ollama server remove one of its models."""
        ...

    async def settings(self) -> BackendSettings:
        """The backend's settings."""
        ...

    async def patch_settings(self, patch: SettingsPatch) -> BackendSettings:
        """Change the fields that were given to the patch; the others are left alone."""
        ...

    async def context_use(self, request: ContextRequest) -> ContextUse:
        """Where the tokens would go if this were sent now; nothing is stored."""
        ...

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """Give a summary another text; later answers read that."""
        ...

    async def branch_conversation(self, conversation_id: UUID, request: BranchRequest) -> Conversation:
        """A new conversation with the messages up to one."""
        ...

    async def search(
        self, query: str, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[SearchHit]:
        """Messages that match a full-text search, of one conversation or of all."""
        ...

    async def upload(self, name: str, data: bytes) -> Attachment:
        """Read a file's text; a file that is no text is refused with the reason."""
        ...

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """The text that was read of a file."""
        ...

    async def presets(self) -> list[Preset]:
        """All presets."""
        ...

    async def save_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Keep a new preset, or change the one of that id."""
        ...

    async def delete_preset(self, preset_id: UUID) -> None:
        """Take a preset away."""
        ...

    async def export_presets(self) -> PresetFile:
        """All presets, to be written to a file."""
        ...

    async def import_presets(self, file: PresetFile) -> list[Preset]:
        """Add the presets of a file."""
        ...

    async def export_conversation(self, conversation_id: UUID, format: ExportFormat) -> bytes:
        """One conversation as a file."""
        ...

    async def export_all(
        self, format: ExportFormat, on_arrived: Callable[[int, int], object] | None = None
    ) -> bytes:
        """All conversations as a file; `on_arrived` is told their number and the bytes that came, as they come."""
        ...

    async def import_conversations(self, data: bytes) -> ImportReport:
        """Add the conversations of a file."""
        ...
