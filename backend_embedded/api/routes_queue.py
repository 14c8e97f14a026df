"""The message queue: how full it is, and the letters that nobody could handle."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from uuid import UUID

from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import DEFAULT_LIMIT, Fields, Limit, Offset
from backend_embedded.contract.envelope import PageInfo, Success
from backend_embedded.contract.queue import DeadLetter, DeadLetterSend, QueueStatus, Sent
from backend_embedded.queue.outbox import Outbox
from backend_embedded.queue.port import MessageQueue


def routes(queue: MessageQueue, outbox: Outbox) -> APIRouter:
    """The routes of the queue."""
    router = APIRouter(prefix="/api/v1/queue", tags=["queue"])

    @router.get("", response_model=Success[QueueStatus])
    async def status(request: Request, fields: Fields = None) -> Response:
        """Who serves, and how many messages, consumers and messages per second each queue has."""
        depths = await queue.depths()
        waiting = await outbox.count()
        capability = queue.capability()
        told = QueueStatus(
            provider=capability.provider, product=capability.product, queues=depths, outbox=waiting
        )
        return success(request, told)

    @router.get("/dead-letters", response_model=Success[list[DeadLetter]])
    async def dead_letters(
        request: Request, limit: Limit = DEFAULT_LIMIT, offset: Offset = 0, fields: Fields = None
    ) -> Response:
        """Messages that were rejected or tried too often, oldest first."""
        page = await queue.dead_letters(limit, offset)
        info = PageInfo(total=page.total, limit=limit, offset=offset)
        return success(request, page.letters, info)

    @router.get("/dead-letters/{letter_id}", response_model=Success[DeadLetter])
    async def dead_letter(request: Request, letter_id: str, fields: Fields = None) -> Response:
        """One of them."""
        return success(request, await queue.dead_letter(letter_id))

    @router.post("/dead-letters/{letter_id}/send", response_model=Success[Sent])
    async def send_again(request: Request, letter_id: str, body: DeadLetterSend | None = None) -> Response:
        """Publish a dead letter again, as it was or with another body or key."""
        wanted = body or DeadLetterSend()
        message_id: UUID = await queue.send_again(letter_id, wanted.body, wanted.routing_key)
        return success(request, Sent(message_id=message_id))

    @router.delete("/dead-letters/{letter_id}", response_model=Success[None])
    async def discard(request: Request, letter_id: str) -> Response:
        """Throw a dead letter away for good."""
        await queue.discard(letter_id)
        return success(request, None)

    return router
