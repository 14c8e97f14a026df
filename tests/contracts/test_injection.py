"""Every text that a user can send and that reaches SQL is text there, over real HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest_asyncio
from postgres_stage import Stage, opened_database
from served_backend import ScriptedModel, opened, served
from sqlalchemy import func, select

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.contract.agents import AgentCreate
from backend_embedded.services import Records
from backend_embedded.storage.checking import problems_in
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database
from backend_embedded.storage.found import parts_of
from backend_embedded.storage.record_ports import Actor
from backend_embedded.storage.schema import metadata
from backend_embedded.wiring.records import records_in

EVIL = (
    "'; DROP TABLE tasks; --",
    "x' OR '1'='1",
    "\\'; DELETE FROM messages; --",
    '"; SELECT key_hash FROM api_keys; --',
    "') UNION SELECT 1, 2, 3 --",
    "$$; DELETE FROM messages; $$",
    "E'\\x27' || pg_sleep(9)",
    "* /**/ OR 1 = 1",
    "100% _ % like",
    "%s %(name)s %d %%",
    ":id :query ?1 ? $1 @p {0} {within}",
    "a\0b' --",
    "ʼ ’ ＇ or 1=1",
    # The languages of the two search indexes.
    "one AND two OR NOT three",
    "NEAR(one two, 5) text : one",
    "^one one* - two + three",
    "'one' <-> !two & (three | four:*)",
    '"one two',
    "one:A* \\& two",
    "'",
    '"',
    "\\",
)


@dataclass
class Served:
    """A backend over HTTP, and what is under it."""

    client: httpx.AsyncClient
    database: Database
    records: Records
    model: ScriptedModel

    def kept(self, text: str) -> str:
        """The text as this database keeps it."""
        return text if self.database.dialect == "sqlite" else text.replace("\0", "\ufffd")

    async def data(self, method: str, path: str, **given: Any) -> Any:
        """The data of an answer that went well."""
        answer = await self.client.request(method, f"/api/v1/{path}", **given)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def counts(self) -> dict[str, int]:
        """The rows of each table."""

        async def work(connection: Any) -> dict[str, int]:
            return {
                name: await connection.scalar(select(func.count()).select_from(table))
                for name, table in metadata.tables.items()
            }

        return await self.database.read(work)


@pytest_asyncio.fixture
async def there(database_stage: Stage | None, tmp_path: Path) -> AsyncIterator[Served]:
    model = ScriptedModel()
    async with (
        opened(tmp_path, model) as services,
        opened_database(database_stage, tmp_path) as database,
    ):
        records = records_in(database, reads=ReadThrough(EmbeddedCache()))
        store = SqlConversationStore(database)
        async with served(replace(services, store=store, records=records)) as client:
            made = Served(client, database, records, model)
            await made.data("POST", "chat", json={"content": "a canary", "stream": False})
            await made.data("POST", "tasks", json={"type": "canary"})
            before = await made.counts()
            yield made
            after = await made.counts()
            assert all(after[name] >= count for name, count in before.items()), "nothing was deleted"
            assert [hit["snippet"] for hit in await made.data("GET", "search?q=canary")]
            assert [one["type"] for one in await made.data("GET", "tasks?type=canary")] == ["canary"]
            assert await problems_in(database, lambda *_: None) == ()


async def test_conversations(there: Served) -> None:
    for evil in EVIL:
        made = await there.data(
            "POST",
            "conversations",
            json={"title": evil, "folder": evil, "draft": evil, "settings": {"system": evil, "model": evil}},
        )
        where = f"conversations/{made['id']}"
        changed = await there.data("PATCH", where, json={"title": evil + "!", "tags": [evil, "t"]})
        kept = there.kept(evil)
        assert (changed["title"], changed["folder"], changed["draft"]) == (kept + "!", kept, kept)
        assert (changed["settings"]["system"], changed["tags"]) == (kept, [there.kept(evil.strip()), "t"])
        for query in ({"folder": evil}, {"tag": there.kept(evil.strip())}):
            assert [one["id"] for one in await there.data("GET", "conversations", params=query)] == [
                made["id"]
            ]
        assert (
            await there.data("GET", "conversations", params={"folder": evil + "?", "tag": evil + "?"}) == []
        )
        answer = await there.client.get("/api/v1/conversations", params={"fields": evil})
        assert answer.status_code == 422
        assert (await there.data("DELETE", f"{where}?purge=true")) is None


async def test_messages_and_the_search(there: Served) -> None:
    for evil in EVIL:
        there.model.words = (evil, " and ", evil)
        file = await there.data(
            "POST", "attachments", params={"name": f"{evil}.txt"}, content=evil.replace("\0", " ").encode()
        )
        done = await there.data(
            "POST", "chat", json={"content": f"asked {evil}", "stream": False, "attachments": [file["id"]]}
        )
        chat = done["answer"]["conversation_id"]
        question, answer = await there.data("GET", f"conversations/{chat}/messages")
        kept = there.kept(evil)
        assert (question["text"], answer["text"]) == (f"asked {kept}", f"{kept} and {kept}")
        assert [one["name"] for one in question["attachments"]] == [there.kept(file["name"])]
        text = await there.data("GET", f"attachments/{file['id']}/text")
        assert text["attachment"]["name"] == there.kept(file["name"])
        for query in ({"q": evil}, {"q": evil, "conversation_id": chat}, {"q": f'asked "{evil}"'}):
            found = {hit["message_id"] for hit in await there.data("GET", "search", params=query)}
            assert found <= {question["id"], answer["id"]}, "nothing but these holds the words"
            if parts_of(query["q"]) and evil.count('"') == 0:
                assert question["id"] in found
        exported = await there.client.get(f"/api/v1/conversations/{chat}/export")
        await there.data("DELETE", f"conversations/{chat}?purge=true")
        report = await there.data("POST", "import", content=exported.content)
        assert (report["conversations"], report["messages"]) == ([chat], 2)
        assert (await there.data("GET", f"conversations/{chat}/messages"))[0]["text"] == f"asked {kept}"
        await there.data("DELETE", f"conversations/{chat}?purge=true")


async def test_presets(there: Served) -> None:
    for evil in EVIL:
        values = {
            "name": evil[:80],
            "system": evil,
            "model": evil,
            "options": {"stop": [evil], "grammar": evil},
        }
        made = await there.data("POST", "presets", json=values)
        assert (await there.client.post("/api/v1/presets", json=values)).status_code == 409
        changed = await there.data("PUT", f"presets/{made['id']}", json=values | {"system": evil + "!"})
        assert (changed["name"], changed["system"]) == (there.kept(evil[:80]), there.kept(evil) + "!")
        assert await there.data("GET", "presets") == [changed]
        await there.data("DELETE", f"presets/{made['id']}")


async def test_tasks(there: Served) -> None:
    for evil in EVIL:
        wanted = {"type": evil[:50], "payload": {evil: evil, "deep": [{evil: [evil]}]}}
        headers = {
            "X-Correlation-ID": "".join(
                letter for letter in evil if letter.isascii() and letter >= " "
            ).strip()
        }
        made = await there.data("POST", "tasks", json=wanted, headers=headers)
        kept = there.kept(evil)
        assert made["type"] == wanted["type"]
        (found,) = await there.data("GET", "tasks", params={"type": evil[:50]})
        assert (found["id"], found["payload"]) == (made["id"], {kept: kept, "deep": [{kept: [kept]}]})
        assert await there.data("GET", "tasks", params={"type": [evil + "?", "none"]}) == []
        changed = await there.data("PATCH", f"tasks/{made['id']}", json={"payload": {"new": evil}})
        assert changed["payload"] == {"new": evil}
        for name in ("sort", "fields", "status", "agent_id", "since", "priority", "limit"):
            answer = await there.client.get("/api/v1/tasks", params={name: evil})
            assert answer.status_code == 422, (name, answer.text)
        assert (await there.client.get(f"/api/v1/tasks/{quote(evil, safe='')}")).status_code in (404, 422)
        lines = await there.data("GET", "audit-logs", params={"entity_id": made["id"]})
        assert [line["action"] for line in lines] == ["changed", "created"]


async def test_agents_the_audit_log_and_values(there: Served) -> None:
    for evil in EVIL:
        kept = there.kept(evil)
        wanted = AgentCreate(name=evil, type=evil[:50], capabilities=(evil,), description=evil)
        agent = await there.records.agents.register(wanted, Actor(evil, evil))
        patch = {"description": evil + "!", "capabilities": [evil, "nlp"]}
        changed = await there.data("PATCH", f"agents/{agent.id}", json=patch)
        assert changed["description"] == evil + "!"
        (listed,) = await there.data("GET", "agents", params={"name": evil, "type": evil[:50]})
        assert (listed["id"], listed["capabilities"]) == (str(agent.id), [kept, "nlp"])
        assert await there.data("GET", "agents", params={"name": evil + "?"}) == []
        (line,) = await there.data("GET", "audit-logs", params={"actor": evil})
        assert (line["action"], line["actor"], line["correlation_id"]) == ("created", kept, kept)
        for name in ("actor", "action", "entity", "entity_id"):
            assert await there.data("GET", "audit-logs", params={name: evil + "?"}) == []
        key = evil.replace("/", "|")
        where = f"config/{quote(key, safe='')}"
        put = await there.data("PUT", where, json={"value": {"v": evil}, "description": evil})
        assert (put["key"], put["value"]) == (key, {"v": evil})
        assert (await there.data("GET", where))["value"] == {"v": kept}
        assert [one["key"] for one in await there.data("GET", "config")] == [there.kept(key)]
        assert (await there.client.get("/api/v1/config", params={"sort": evil})).status_code == 422
        assert (await there.client.get(f"/api/v1/config/{uuid4()}")).status_code == 404
        await there.data("DELETE", where)
        assert await there.data("GET", "config") == []
