"""The routes of the message queue over a real socket."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from queue_stage import Remembering, event, holds, task
from served_backend import ScriptedModel, opened, served

from backend_embedded.contract.queue import QueueName
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.port import Outcome
from backend_embedded.storage.ledger import announce
from backend_embedded.storage.outbox import SqlOutbox


@dataclass
class Desk:
    client: httpx.AsyncClient
    queue: EmbeddedQueue
    letters: list[str]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A backend whose queue has three dead letters and two tasks; one message is in the outbox."""
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(opened(tmp_path, ScriptedModel()))
        queue = await stack.enter_async_context(EmbeddedQueue(tmp_path / "queue.db"))
        database = services.store.database  # type: ignore[attr-defined]
        services = dataclasses.replace(services, queue=queue, outbox=SqlOutbox(database))
        async with queue.consume(QueueName.TASK, Remembering(dict.fromkeys(range(3), Outcome.REJECT)), 1):
            letters = [str(await queue.publish("task.process", task(number))) for number in range(3)]
            await holds(queue, QueueName.DEAD, 3)
        for number in (7, 8):
            await queue.publish("task.process", task(number))
        body = event().model_dump(mode="json")
        await database.write(lambda connection: announce(connection, "event.a", body))
        yield Desk(await stack.enter_async_context(served(services)), queue, letters)


def data(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


async def test_the_queues(desk: Desk) -> None:
    told = data(await desk.client.get("/api/v1/queue"))
    assert (told["provider"], told["outbox"]) == ("embedded", 1)
    assert told["product"].startswith("SQLite 3.")
    queues = {one["name"]: one for one in told["queues"]}
    assert list(queues) == ["task.queue", "result.queue", "event.queue", "dlq.queue"]
    assert (queues["task.queue"]["ready"], queues["dlq.queue"]["ready"]) == (2, 3)
    assert queues["task.queue"]["published_per_s"] == 0.5
    assert queues["task.queue"]["consumers"] == 0


async def test_what_waits_is_measured(desk: Desk) -> None:
    text = (await desk.client.get("/metrics")).text
    waiting = dict(re.findall(r'^sutazai_messages_waiting\{queue="(\S+)"\} (\S+)$', text, re.M))
    assert waiting == {
        "task.queue": "2.0", "result.queue": "0.0", "event.queue": "0.0", "dlq.queue": "3.0", "outbox": "1.0"
    }  # fmt: skip


async def test_a_queue_that_cannot_be_counted_has_no_measure(desk: Desk) -> None:
    await desk.queue.__aexit__()
    text = (await desk.client.get("/metrics")).text
    assert "sutazai_messages_waiting{" not in text
    assert "# TYPE sutazai_messages_waiting gauge" in text


async def test_it_is_a_capability(desk: Desk) -> None:
    told = data(await desk.client.get("/api/v1/status"))
    queue = next(one for one in told["capabilities"] if one["name"] == "queue")
    assert (queue["state"], queue["provider"]) == ("ok", "embedded")
    await desk.client.get("/api/v1/queue")
    told = data(await desk.client.get("/api/v1/status"))
    queue = next(one for one in told["capabilities"] if one["name"] == "queue")
    assert queue["holds"] == "2 messages, 3 dead letters"
    assert queue["latency_ms"] > 0


async def test_dead_letters_by_pages(desk: Desk) -> None:
    answer = await desk.client.get("/api/v1/queue/dead-letters?limit=2&offset=1&fields=id,reason")
    assert data(answer) == [{"id": own, "reason": "rejected"} for own in desk.letters[1:]]
    assert answer.json()["metadata"]["page"] == {"total": 3, "limit": 2, "offset": 1}


async def test_one_dead_letter(desk: Desk) -> None:
    letter = data(await desk.client.get(f"/api/v1/queue/dead-letters/{desk.letters[0]}"))
    assert (letter["queue"], letter["routing_key"]) == ("task.queue", "task.process")
    assert letter["body"]["payload"] == {"number": 0}
    assert letter["headers"]["x-death"][0]["reason"] == "rejected"


async def test_sent_again_as_it_was(desk: Desk) -> None:
    url = f"/api/v1/queue/dead-letters/{desk.letters[0]}"
    assert data(await desk.client.post(f"{url}/send")) == {"message_id": desk.letters[0]}
    assert (await desk.client.get(url)).status_code == 404
    await holds(desk.queue, QueueName.TASK, 3)


async def test_sent_again_changed(desk: Desk) -> None:
    url = f"/api/v1/queue/dead-letters/{desk.letters[1]}"
    body = data(await desk.client.get(url))["body"] | {"payload": {"number": 50}}
    sent = data(await desk.client.post(f"{url}/send", json={"body": body, "routing_key": "task.repaired"}))
    assert sent["message_id"] != desk.letters[1]
    handler = Remembering()
    async with desk.queue.consume(QueueName.TASK, handler):
        await handler.has(3)
    assert handler.numbers == [7, 8, 50]
    assert handler.got[2].routing_key == "task.repaired"


async def test_a_body_that_is_no_message_is_refused(desk: Desk) -> None:
    url = f"/api/v1/queue/dead-letters/{desk.letters[1]}"
    answer = await desk.client.post(f"{url}/send", json={"body": {"payload": {}}})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "INVALID_INPUT"
    assert {one["field"] for one in error["details"]["fields"]} == {"id", "timestamp", "correlation_id"}
    assert (await desk.client.get(url)).is_success


async def test_discarded(desk: Desk) -> None:
    url = f"/api/v1/queue/dead-letters/{desk.letters[2]}"
    assert data(await desk.client.delete(url)) is None
    assert (await desk.client.delete(url)).status_code == 404
    assert (await desk.client.get(f"/api/v1/queue/dead-letters/{uuid4()}")).status_code == 404
