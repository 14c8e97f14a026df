"""What a prompt costs of a model's context, and the summaries that stand for what does not fit."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from uuid import UUID

from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.chat.service import ChatService
from backend_embedded.contract.context import ContextRequest, ContextUse, Summary, SummaryPatch
from backend_embedded.contract.envelope import Success


def routes(chat: ChatService) -> APIRouter:
    """The routes of the context."""
    router = APIRouter(prefix="/api/v1", tags=["context"])

    @router.post("/context", response_model=Success[ContextUse])
    async def context(request: Request, body: ContextRequest) -> Response:
        """Where the tokens would go if this were sent now; nothing is stored."""
        return success(request, await chat.context_use(body))

    @router.patch("/summaries/{summary_id}", response_model=Success[Summary])
    async def change_summary(request: Request, summary_id: UUID, body: SummaryPatch) -> Response:
        """Give a summary another text; later answers read that."""
        return success(request, await chat.change_summary(summary_id, body.text))

    return router
