"""Where one instance keeps its settings, data, state, cache, models and run-time files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PRODUCT = "sutazai"


@dataclass(frozen=True, slots=True)
class HomePaths:
    """The folders of one instance, absolute (the wire form is `contract.launch.HomePaths`).

    It is no wire type itself because importing those costs more than painting the window.
    """

    config: Path
    data: Path
    state: Path
    cache: Path
    models: Path
    run: Path

    def create(self) -> None:
        """Make the folders that are not there, for this user alone. Raises OSError."""
        for folder in self.folders():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # the token lies in it; the folder may have been there already
        self.run.chmod(0o700)

    def folders(self) -> tuple[Path, ...]:
        """All folders."""
        return (self.config, self.data, self.state, self.cache, self.models, self.run)

    def as_wire(self) -> dict[str, str]:
        """The fields of the wire form."""
        return {name: str(folder) for name, folder in asdict(self).items()}


def home_paths(home: str | None, environment: Mapping[str, str]) -> HomePaths:
    """The folders of the instance in `home`, else in SUTAZAI_HOME, else the user's XDG folders."""
    chosen = home or environment.get("SUTAZAI_HOME")
    return _below(Path(chosen)) if chosen else _of_user(environment)


def _below(home: Path) -> HomePaths:
    root = home.expanduser().absolute()
    names = ("config", "data", "state", "cache", "models", "run")
    return HomePaths(**{name: root / name for name in names})


def _of_user(environment: Mapping[str, str]) -> HomePaths:
    def folder(variable: str, fallback: str) -> Path:
        value = environment.get(variable, "")
        # the XDG specification: a path that is not absolute is invalid and ignored
        base = Path(value) if value.startswith("/") else Path.home() / fallback
        return base / PRODUCT

    data = folder("XDG_DATA_HOME", ".local/share")
    state = folder("XDG_STATE_HOME", ".local/state")
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    usable = runtime.startswith("/") and os.access(runtime, os.W_OK)
    return HomePaths(
        config=folder("XDG_CONFIG_HOME", ".config"),
        data=data,
        state=state,
        cache=folder("XDG_CACHE_HOME", ".cache"),
        models=data / "models",
        run=Path(runtime) / PRODUCT if usable else state / "run",
    )
