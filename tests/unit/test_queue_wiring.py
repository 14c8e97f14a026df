"""The queue as the program opens it: what happens to a conversation comes out as a line of the audit log."""

from __future__ import annotations

from pathlib import Path

import pytest
from queue_stage import until

from backend_embedded.contract.conversations import ConversationCreate
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.launch import HomePaths
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput
from backend_embedded.services import Services
from backend_embedded.settings import write_whole
from backend_embedded.storage.record_ports import Listing
from backend_embedded.wiring.opening import open_services


@pytest.fixture
def paths(tmp_path: Path) -> HomePaths:
    folders = {name: tmp_path / name for name in HomePaths.model_fields}
    for folder in folders.values():
        folder.mkdir()
    wanted = BackendSettings(queue="embedded", cache="embedded")
    write_whole(folders["config"] / "backend.json", wanted.model_dump_json())
    return HomePaths(**{name: str(folder) for name, folder in folders.items()})


async def lines(services: Services) -> set[tuple[str, str, str]]:
    assert services.records is not None
    page = await services.records.audit.lines(Listing())
    return {(line.action, line.entity, line.entity_id) for line in page.items}


async def test_what_happens_leaves_its_trail(paths: HomePaths) -> None:
    async with open_services(paths) as services:
        assert services.outbox is not None
        made = await services.store.create(ConversationCreate())
        services.events.publish(ConversationChanged(conversation=made))
        await services.settings.change(SettingsPatch(threads=1))
        wanted = {("created", "conversation", str(made.id)), ("changed", "settings", "")}

        async def there() -> bool:
            return wanted <= await lines(services)

        await until(there)

        async def marked() -> bool:  # it is published first, and marked then
            assert services.outbox is not None
            return await services.outbox.count() == 0

        await until(marked)
        queue = next(one for one in services.capabilities() if one.name == "queue")
        assert (queue.state, queue.provider) == (State.OK, "embedded")

        async def counted() -> bool:  # after the line is there the message is acknowledged, then counted
            told = services.metrics.text(services.capabilities()).decode()
            return 'sutazai_messages_total{outcome="handled",queue="event.queue"} 2.0' in told

        await until(counted)
        told = services.metrics.text(services.capabilities()).decode()
    assert 'sutazai_capability_state{name="queue",provider="embedded"} 2.0' in told
    assert (Path(paths.data) / "queue.db").exists()


async def test_a_broker_that_is_not_there_is_told_and_the_program_goes_on(paths: HomePaths) -> None:
    async with open_services(paths) as services:
        with pytest.raises(InvalidInput, match="amqp://guest"):
            await services.settings.change(SettingsPatch(queue="http://somewhere"))
        await services.settings.change(SettingsPatch(queue="amqp://me:a-secret@127.0.0.1:1/"))

        async def told() -> bool:
            return "127.0.0.1:1" in queue_of(services).reason

        await until(told)
        capability = queue_of(services)
        assert (capability.state, capability.provider) == (State.DEGRADED, "embedded")
        assert "a-secret" not in capability.reason
        made = await services.store.create(ConversationCreate())
        services.events.publish(ConversationChanged(conversation=made))

        async def there() -> bool:
            return ("created", "conversation", str(made.id)) in await lines(services)

        await until(there)
        await services.settings.change(SettingsPatch(queue="embedded"))

        async def well() -> bool:
            return queue_of(services).state is State.OK

        await until(well)


def queue_of(services: Services) -> Capability:
    return next(one for one in services.capabilities() if one.name == "queue")
