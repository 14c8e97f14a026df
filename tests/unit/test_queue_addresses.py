"""Addresses of brokers that make no sense: they are told, with no trace of a password, and end nothing."""

from __future__ import annotations

import pytest
from queue_stage import task, until

from backend_embedded.contract.status import State
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.rabbitmq import RabbitQueue
from backend_embedded.queue.rabbitmq_link import place


@pytest.mark.parametrize(
    "url",
    ["amqp://u:secret@host:99999/", "amqp://u:secret@[host", "http://u:secret@host/", "amqp://u:secret@h:x/"],
)
async def test_an_address_that_makes_no_sense_is_told(url: str) -> None:
    async with RabbitQueue(url) as queue:

        async def told() -> bool:
            return queue.failure is not None

        await until(told)
        capability = queue.capability()
        assert capability.state is State.DOWN
        assert "The message queue's address in the settings is none" in capability.reason
        assert "secret" not in capability.reason
        with pytest.raises(QueueUnavailable, match="is none"):
            await queue.publish("task.a", task())


def test_a_place_tells_no_password() -> None:
    assert place("amqp://user:secret@host/") == "host:5672"
    assert place("amqps://user:secret@[::1]:7/vhost") == "::1:7"
    assert place("amqp://user:secret@host:99999/") == "an address that is none"
