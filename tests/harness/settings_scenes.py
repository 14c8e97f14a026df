"""Every state of the settings that is worth a picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import scripted_content as content
import scripted_overview as overview
from scene import Scene, without_engine
from window_stage import Stage, button, shows

from app.main_window import SETTINGS
from backend_embedded.contract.data import JobState
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.ollama import OllamaRunning, OllamaState, OllamaStatus


def section(key: str) -> Callable[[Stage], Awaitable[None]]:
    async def play(stage: Stage) -> None:
        stage.shell.show_page(SETTINGS)
        stage.settings_page.show_section(key)
        await stage.until(key, lambda: stage.settings_page.sections[key].isVisible())
        if key == "about":
            await stage.until("the versions", lambda: shows(stage.settings_page, "llama.cpp for Python"))

    return play


async def settings_refused(stage: Stage) -> None:
    await section("models")(stage)
    message = "The folder /srv/models does not exist."
    stage.backend.refuse(ErrorBody(code=ErrorCode.INVALID_INPUT, message=message), "patch_settings")
    await stage.settings.change("models_folder", "/srv/models")
    await stage.settings.change("context_size", "12")
    await stage.until("the refusal", lambda: shows(stage.settings_page, "does not exist"))


async def settings_building(stage: Stage) -> None:
    await section("engine")(stage)
    without_engine(stage, content.BUILDING)
    await stage.until("the build's steps", lambda: shows(stage.settings_page.engine, "41 of 186 steps"))


async def settings_failed(stage: Stage) -> None:
    await section("engine")(stage)
    without_engine(stage, content.BUILD_FAILED)
    await stage.until("Build again", lambda: button(stage.settings_page.engine, "Build again"))


async def settings_search(stage: Stage) -> None:
    await section("appearance")(stage)
    stage.settings_page.navigation.search.setText("memory")
    await stage.until("what was found", lambda: stage.settings_page.current_section == "models")


async def settings_lost(stage: Stage) -> None:
    await section("models")(stage)
    stage.connection_is(False)
    await stage.until("why it is locked", lambda: stage.settings_page.models.lock_line.isVisible())


async def settings_ollama(stage: Stage) -> None:
    stage.backend.server = OllamaStatus(
        state=OllamaState.READY,
        url="http://127.0.0.1:11434",
        version="0.9.6",
        models=3,
        running=(OllamaRunning(name="qwen2.5:0.5b", size_bytes=611_000_000),),
    )
    await section("providers")(stage)
    await stage.until("the server", lambda: shows(stage.settings_page.providers, "Ready, version 0.9.6"))


async def settings_local_api(stage: Stage) -> None:
    await section("local_api")(stage)
    await stage.until("the lines", lambda: shows(stage.settings_page.local_api, "Editor plug-in"))


async def settings_local_api_off(stage: Stage) -> None:
    await settings_local_api(stage)
    await stage.settings.change("local_api", "off")
    await stage.until("no lines", lambda: not shows(stage.settings_page.local_api, "Editor plug-in"))


async def settings_new_key(stage: Stage) -> None:
    await settings_local_api(stage)
    stage.settings_page.local_api.new_key.click()
    await stage.until("the question", stage.settings_page.local_api.confirm.isVisible)


async def settings_services(stage: Stage) -> None:
    for one in (*overview.CAPABILITIES, overview.DEGRADED):
        stage.capability_is(one)
    await section("services")(stage)
    page = stage.settings_page.services
    await stage.settings.change("cache", "redis://127.0.0.1:6379")
    await stage.settings.change("queue", "amqp://guest:***@127.0.0.1:10007/")
    page.cache.test.click()
    await stage.until("the answer", lambda: shows(page, "Redis 8.0.2 answers"))
    refusal = "RabbitMQ at 127.0.0.1:10007 cannot be reached: nobody listens there."
    stage.backend.refuse(ErrorBody(code=ErrorCode.QUEUE_UNAVAILABLE, message=refusal), "test_service")
    page.queue.test.click()
    await stage.until("the refusal", lambda: shows(page, "nobody listens there"))


async def settings_replace(stage: Stage) -> None:
    await settings_services(stage)
    holds = ErrorBody(code=ErrorCode.CONFLICT, message="It holds data.", details={"rows": 1_234})
    failed = {"state": JobState.FAILED, "error": holds}
    stage.backend.job = stage.backend.job.model_copy(update=failed)
    page = stage.settings_page.services
    page.database.field.setText("postgresql://sutazai@127.0.0.1:5432/sutazai")
    page.move_button.click()
    await stage.until("the question", page.replace.isVisible)


async def settings_moving(stage: Stage) -> None:
    await settings_services(stage)
    page = stage.settings_page.services
    page.database.field.setText("postgresql://sutazai@127.0.0.1:5432/sutazai")
    page.move_button.click()
    await stage.until("how far it is", lambda: shows(page, "41,200 of 100,000 rows"))


SETTINGS_SCENES: Sequence[Scene] = (
    *(
        Scene(f"settings-{key}", section(key))
        for key in ("appearance", "models", "providers", "engine", "paths", "about")
    ),
    Scene("settings-ollama", settings_ollama),
    Scene("settings-services", settings_services),
    Scene("settings-replace", settings_replace),
    Scene("settings-moving", settings_moving),
    Scene("settings-local-api", settings_local_api),
    Scene("settings-local-api-off", settings_local_api_off),
    Scene("settings-new-key", settings_new_key),
    Scene("settings-refused", settings_refused),
    Scene("settings-engine-building", settings_building),
    Scene("settings-engine-failed", settings_failed),
    Scene("settings-search", settings_search),
    Scene("settings-lost", settings_lost),
)
