"""What goes with conversations: presets, attached files, export and import."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.doors.bodies import lift_time_limit
from backend_embedded.api.streams import EventStreamResponse, while_listening
from backend_embedded.attachments.service import Attachments
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.presets import Preset, PresetFile, PresetValues
from backend_embedded.contract.transfer import ExportFormat, ImportReport
from backend_embedded.services import Services
from backend_embedded.transfer.service import Transfer

MEDIA_TYPES = {
    ExportFormat.JSON: "application/json",
    ExportFormat.MARKDOWN: "text/markdown; charset=utf-8",
}
BYTES = {"requestBody": {"content": {"application/octet-stream": {}}, "required": True}}


def routes(services: Services, attachments: Attachments) -> APIRouter:
    """All three."""
    router = APIRouter(prefix="/api/v1")
    router.include_router(_presets(services))
    router.include_router(_files(services, attachments))
    router.include_router(_transfer(services))
    return router


def _presets(services: Services) -> APIRouter:
    router = APIRouter(prefix="/presets", tags=["presets"])
    store = services.store

    @router.get("", response_model=Success[list[Preset]])
    async def presets(request: Request) -> Response:
        """All presets by name."""
        return success(request, await store.presets())

    @router.post("", response_model=Success[Preset], status_code=201)
    async def add(request: Request, body: PresetValues) -> Response:
        """Keep a new preset."""
        return success(request, await store.keep_preset(body), status=201)

    @router.get("/export", response_model=Success[PresetFile])
    async def export(request: Request) -> Response:
        """All presets as a file that another instance can import."""
        found = [PresetValues(**one.model_dump(exclude={"id"})) for one in await store.presets()]
        return success(request, PresetFile(presets=tuple(found)))

    @router.post("/import", response_model=Success[list[Preset]])
    async def import_(request: Request, body: PresetFile) -> Response:
        """Add the presets of a file; one of the same name is changed."""
        known = {one.name: one.id for one in await store.presets()}
        kept = [await store.keep_preset(values, known.get(values.name)) for values in body.presets]
        return success(request, kept)

    @router.put("/{preset_id}", response_model=Success[Preset])
    async def change(request: Request, preset_id: UUID, body: PresetValues) -> Response:
        """Change a preset."""
        return success(request, await store.keep_preset(body, preset_id))

    @router.delete("/{preset_id}", response_model=Success[None])
    async def remove(request: Request, preset_id: UUID) -> Response:
        """Forget a preset; conversations keep the values they took from it."""
        await store.remove_preset(preset_id)
        return success(request, None)

    return router


def _files(services: Services, attachments: Attachments) -> APIRouter:
    router = APIRouter(prefix="/attachments", tags=["attachments"])

    @router.post("", response_model=Success[Attachment], status_code=201, openapi_extra=BYTES)
    async def upload(
        request: Request, name: Annotated[str, Query(min_length=1, max_length=1_000)]
    ) -> Response:
        """Read a file's text (the body is the file), to be sent with a question."""
        return success(request, await attachments.add(name, await request.body()), status=201)

    @router.get("/{attachment_id}/text", response_model=Success[AttachmentText])
    async def text(request: Request, attachment_id: UUID) -> Response:
        """The text as the model reads it."""
        return success(request, await services.store.attachment_text(attachment_id))

    @router.delete("/{attachment_id}", response_model=Success[None])
    async def remove(request: Request, attachment_id: UUID) -> Response:
        """Forget a file that was not sent."""
        await services.store.remove_attachment(attachment_id)
        return success(request, None)

    return router


def _transfer(services: Services) -> APIRouter:
    router = APIRouter(tags=["export and import"])
    transfer = Transfer(services.store)

    @router.get("/export")
    async def export_all(format: ExportFormat = ExportFormat.JSON) -> Response:
        """All conversations outside the bin as one file, sent as it is made; `X-Conversations`: their number."""
        ids = await transfer.ids()
        headers = {"Content-Type": MEDIA_TYPES[format], "X-Conversations": str(len(ids))}
        return EventStreamResponse(transfer.pieces(ids, format), services.leaving, None, headers)

    @router.get("/conversations/{conversation_id}/export")
    async def export_one(conversation_id: UUID, format: ExportFormat = ExportFormat.JSON) -> Response:
        """One conversation as a file."""
        return Response(await transfer.export([conversation_id], format), media_type=MEDIA_TYPES[format])

    @router.post("/import", response_model=Success[ImportReport], openapi_extra=BYTES)
    async def import_(request: Request) -> Response:
        """Add the conversations of a file (the body): of this program, ChatGPT or Open WebUI.

        All or none; none when the client goes away meanwhile.
        """
        data = await request.body()
        lift_time_limit(request)
        report, added = await while_listening(request, transfer.bring_in(data))
        for conversation in added:
            services.events.publish(ConversationChanged(conversation=conversation))
        return success(request, report)

    return router
