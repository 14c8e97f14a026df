"""Conversations, their messages, and the search in them."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import DEFAULT_LIMIT, Fields, Limit, Offset
from backend_embedded.contract.conversations import (
    BranchRequest,
    Conversation,
    ConversationCreate,
    ConversationPatch,
    Message,
    SearchHit,
)
from backend_embedded.contract.envelope import PageInfo, Success
from backend_embedded.contract.events import ConversationChanged, ConversationRemoved
from backend_embedded.services import Services
from backend_embedded.storage.port import ConversationFilter


def routes(services: Services) -> APIRouter:
    """The routes of conversations."""
    router = APIRouter(prefix="/api/v1", tags=["conversations"])
    store = services.store

    def changed(conversation: Conversation) -> Conversation:
        services.events.publish(ConversationChanged(conversation=conversation))
        return conversation

    @router.get("/conversations", response_model=Success[list[Conversation]])
    async def conversations(
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        deleted: Annotated[bool, Query(description="True: those in the bin.")] = False,
        archived: Annotated[bool, Query(description="True: the archived ones.")] = False,
        folder: Annotated[str | None, Query(description="Only those in it or below it.")] = None,
        tag: Annotated[str | None, Query(description="Only those that have it.")] = None,
        fields: Fields = None,
    ) -> Response:
        """The conversations, pinned ones first, then the last changed first."""
        wanted = ConversationFilter(deleted=deleted, archived=archived, folder=folder, tag=tag)
        page = await store.conversations(limit, offset, wanted)
        info = PageInfo(total=page.total, limit=limit, offset=offset)
        return success(request, page.conversations, info)

    @router.post("/conversations", response_model=Success[Conversation], status_code=201)
    async def create(request: Request, body: ConversationCreate) -> Response:
        """Make an empty conversation; its first question names it unless it was given a title."""
        return success(request, changed(await store.create(body)), status=201)

    @router.get("/conversations/{conversation_id}", response_model=Success[Conversation])
    async def conversation(request: Request, conversation_id: UUID, fields: Fields = None) -> Response:
        """One conversation."""
        return success(request, await store.conversation(conversation_id))

    @router.patch("/conversations/{conversation_id}", response_model=Success[Conversation])
    async def patch(request: Request, conversation_id: UUID, body: ConversationPatch) -> Response:
        """Rename, pin, file or archive it, keep a draft, show another branch, bring it back from the bin."""
        return success(request, changed(await store.change(conversation_id, body)))

    @router.post(
        "/conversations/{conversation_id}/branch", response_model=Success[Conversation], status_code=201
    )
    async def branch(request: Request, conversation_id: UUID, body: BranchRequest) -> Response:
        """Make a conversation of its own of the messages up to one of them."""
        made = await store.branch_off(conversation_id, body.message_id, body.title)
        return success(request, changed(made), status=201)

    @router.delete("/conversations/{conversation_id}", response_model=Success[Conversation | None])
    async def delete(
        request: Request,
        conversation_id: UUID,
        purge: Annotated[bool, Query(description="True: for good, not to the bin.")] = False,
    ) -> Response:
        """Move it to the bin, from which a PATCH with `restore` brings it back; or delete it for good."""
        if not purge:
            return success(request, changed(await store.move_to_bin(conversation_id)))
        await store.remove(conversation_id)
        services.events.publish(ConversationRemoved(conversation_id=conversation_id))
        return success(request, None)

    @router.get("/conversations/{conversation_id}/messages", response_model=Success[list[Message]])
    async def messages(
        request: Request,
        conversation_id: UUID,
        leaf: Annotated[
            UUID | None, Query(description="Last message of the branch; the shown one if absent.")
        ] = None,
        limit: Limit = DEFAULT_LIMIT,
        before: Annotated[
            UUID | None, Query(description="Only messages that come before this one of the branch.")
        ] = None,
        fields: Fields = None,
    ) -> Response:
        """The last messages of a branch, oldest first; `page.total` is the length of the branch."""
        page = await store.branch(conversation_id, leaf, limit, before)
        return success(request, page.messages, PageInfo(total=page.total, limit=limit, offset=0))

    @router.get("/search", response_model=Success[list[SearchHit]])
    async def search(
        request: Request,
        q: Annotated[str, Query(min_length=1, max_length=1_000, description="Words to find.")],
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
        conversation_id: Annotated[UUID | None, Query(description="Only in this conversation.")] = None,
        fields: Fields = None,
    ) -> Response:
        """Titles and messages that hold every word, newest first; the last word may be the beginning of one.

        Words between double quotes are found beside each other only.
        """
        hits = await store.search(q, limit, offset, conversation_id)
        return success(request, hits, PageInfo(total=len(hits), limit=limit, offset=offset))

    return router
