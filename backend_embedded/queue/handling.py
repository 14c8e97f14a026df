"""Calls a handler with a message, and makes an outcome of whatever comes of it."""

from __future__ import annotations

import logging

from backend_embedded.errors import ControlCenterError, InvalidInput
from backend_embedded.queue.port import Delivery, Handler, Outcome

log = logging.getLogger(__name__)

KINDS = {Outcome.ACK: "handled", Outcome.REJECT: "rejected", Outcome.REQUEUE: "requeued"}
"""How the outcomes are counted."""


async def outcome_of(handler: Handler, delivery: Delivery) -> Outcome:
    """What the handler did with the message; errors of its own are logged and made an outcome."""
    try:
        return await handler(delivery)
    except InvalidInput as error:
        log.warning("Message %s cannot be handled: %s", delivery.message_id, error.message)
        return Outcome.REJECT
    except ControlCenterError as error:
        log.warning("Message %s is tried again later: %s", delivery.message_id, error.message)
    except Exception:
        log.warning("The handling of message %s failed", delivery.message_id, exc_info=True)
    return Outcome.REQUEUE
