"""Calls a handler with a message, and makes an outcome of whatever comes of it."""

from __future__ import annotations

import asyncio
import logging

from backend_embedded.errors import ControlCenterError, InvalidInput
from backend_embedded.queue.port import Delivery, Handler, Outcome

log = logging.getLogger(__name__)

KINDS = {Outcome.ACK: "handled", Outcome.REJECT: "rejected", Outcome.REQUEUE: "requeued"}
"""How the outcomes are counted."""


async def outcome_of(handler: Handler, delivery: Delivery) -> Outcome:
    """What the handler did with the message; errors of its own are logged and made an outcome.

    Raises:
        CancelledError: the consumer is closed.
    """
    try:
        return await handler(delivery)
    except InvalidInput as error:
        log.warning("Message %s cannot be handled: %s", delivery.message_id, error.message)
        return Outcome.REJECT
    except ControlCenterError as error:
        log.warning("Message %s is tried again later: %s", delivery.message_id, error.message)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Something that the handler waited for was cancelled, not the handling: else the message would stay
        # taken, and its place with it.
        log.warning("The handling of message %s was given up by itself", delivery.message_id)
    except Exception:
        log.warning("The handling of message %s failed", delivery.message_id, exc_info=True)
    return Outcome.REQUEUE
