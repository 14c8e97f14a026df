"""The models of this machine as they were last found, and whether the engine is there to run them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import ModelFileInvalid, ModelNotFound
from backend_embedded.llm.files.library import Entry, ModelLibrary, choose_default

SCAN_AGE_S = 2.0
"""What was found longer ago is looked for again before it is believed."""


class InstalledModels:
    """What the library found at the last look.

    Args:
        library: finds the model files.
        models_folder: searched when the settings name no folder.
        settings: the settings as they are now.
        present: whether the engine is built.
        thread: the one thread in which files are looked at.
    """

    def __init__(
        self,
        library: ModelLibrary,
        models_folder: Path,
        settings: Callable[[], BackendSettings],
        present: Callable[[], bool],
        thread: Executor,
    ) -> None:
        self._library = library
        self._models_folder = models_folder
        self._settings = settings
        self._present = present
        self._thread = thread
        self._entries: dict[str, Entry] = {}
        self._engine = False
        self._scanned_s = float("-inf")

    @property
    def engine(self) -> bool:
        """Whether the engine was there."""
        return self._engine

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All model files, usable or not."""
        return tuple(self._entries.values())

    @property
    def old(self) -> bool:
        """Whether it is time to look again."""
        return asyncio.get_running_loop().time() - self._scanned_s > SCAN_AGE_S

    async def scan(self) -> None:
        """Look again for model files and the engine."""
        settings = self._settings()
        folder = Path(settings.models_folder) if settings.models_folder else self._models_folder
        loop = asyncio.get_running_loop()
        entries, self._engine = await loop.run_in_executor(
            self._thread,
            lambda: (self._library.scan(folder, settings.default_model), self._engine or self._present()),
        )
        self._entries = {entry.model.name: entry for entry in entries}
        self._scanned_s = loop.time()

    def default_name(self) -> str | None:
        """The model that answers when none is named."""
        return choose_default(
            [entry.model for entry in self._entries.values()], self._settings().default_model
        )

    def entry(self, name: str | None) -> Entry:
        """The file of a model; None: of the default one.

        Raises:
            ModelNotFound: there is none.
            ModelFileInvalid: it cannot be used.
        """
        wanted = name if name is not None else self.default_name()
        if wanted is None:
            raise ModelNotFound(
                "There is no usable model on this machine.",
                remedy="Put a GGUF file in the models folder, or install the program again.",
            )
        entry = self._entries.get(wanted)
        if entry is None:
            raise ModelNotFound(
                f"There is no model named {wanted}.",
                remedy="Choose one of the list.",
                model=wanted,
                models=sorted(self._entries),
            )
        if entry.model.problem is not None or entry.header is None:
            raise ModelFileInvalid(
                entry.model.problem or f"{entry.model.path} cannot be read.",
                remedy="Fetch the file again, delete it, or choose another model.",
                file=entry.model.path,
            )
        return entry
