"""What the models page shows: the library, the catalogue, downloads, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from backend_embedded.contract.library import CatalogueEntry, Download, DownloadState, ModelDetails, Remote
from backend_embedded.contract.models import Model

View = Literal["machine", "get"]
Kind = Literal["all", "chat", "embeds", "tools"]
KINDS: tuple[tuple[Kind, str], ...] = (
    ("all", "All"),
    ("chat", "Chat"),
    ("tools", "Tools"),
    ("embeds", "Embeddings"),
)
AT_WORK = (DownloadState.QUEUED, DownloadState.RUNNING, DownloadState.VERIFYING)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that was asked for and did not happen.

    Attributes:
        title: what happened.
        line: why, and what can be done.
    """

    title: str
    line: str


@dataclass(frozen=True, slots=True)
class ModelsState:
    """What the page shows now.

    Attributes:
        connected: the backend answers.
        view: which of the two views is seen.
        models: all that were found; None until they were read once.
        selected: name of the model whose details are open; empty for none.
        details: of the selected model; None until they are read.
        busy: what is being done with a model, in a word, by name.
        failure: what went wrong with the library's models; None for nothing.
        removing: name of the model whose removal is to be confirmed.
        importing: names of files that are being imported.
        wanted: what the lists are searched for.
        kind: which models of the catalogue are shown.
        catalogue: None until it was read once.
        catalogue_failure: why it could not be read.
        reference: what was looked up last.
        looking: it is being looked up.
        remote: what was found; None for nothing.
        remote_failure: why it was not found.
        asked: ids of downloads by the reference that was asked for; the backend may tell a longer one.
        server_ready: an Ollama server answers, and can fetch models for itself.
        starting: references whose downloads were asked for and have not begun.
        downloads: all that are not over, oldest first.
        dismissed: ids of ended downloads that are no longer shown.
        download_failures: why a download did not do what was asked, by id or reference.
    """

    connected: bool = False
    view: View = "machine"
    models: tuple[Model, ...] | None = None
    selected: str = ""
    details: ModelDetails | None = None
    busy: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    removing: str = ""
    importing: tuple[str, ...] = ()
    wanted: str = ""
    kind: Kind = "all"
    catalogue: tuple[CatalogueEntry, ...] | None = None
    catalogue_failure: Failure | None = None
    reference: str = ""
    looking: bool = False
    remote: Remote | None = None
    remote_failure: Failure | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    server_ready: bool = False
    starting: frozenset[str] = frozenset()
    downloads: tuple[Download, ...] = ()
    dismissed: frozenset[str] = frozenset()
    download_failures: Mapping[str, Failure] = field(default_factory=dict)

    @property
    def locked_because(self) -> str:
        """Why nothing can be changed now; empty when it can."""
        return "" if self.connected else "The backend is not connected."

    @property
    def model(self) -> Model | None:
        """The selected one."""
        return self.find(self.selected)

    def find(self, name: str) -> Model | None:
        """A model by name."""
        return next((model for model in self.models or () if model.name == name), None)

    @property
    def shown_models(self) -> tuple[Model, ...]:
        """Those that the search finds: loaded ones first, those that cannot be used last."""
        found = [model for model in self.models or () if matches(self.wanted, words_of_model(model))]
        found.sort(key=lambda m: (m.problem is not None, not m.loaded, not m.default, m.title.casefold()))
        return tuple(found)

    @property
    def shown_catalogue(self) -> tuple[CatalogueEntry, ...]:
        """Those that the search and the kind leave, in the catalogue's order."""
        entries = self.catalogue or ()
        return tuple(
            entry
            for entry in entries
            if is_kind(entry, self.kind) and matches(self.wanted, words_of_entry(entry))
        )

    @property
    def shown_downloads(self) -> tuple[Download, ...]:
        """Those that were not dismissed."""
        return tuple(one for one in self.downloads if one.id not in self.dismissed)

    @property
    def active(self) -> tuple[Download, ...]:
        """Downloads that are at work or wait for their turn."""
        return tuple(one for one in self.downloads if one.state in AT_WORK)

    def download_of(self, reference: str) -> Download | None:
        """The download of a reference that is not over."""
        found = (one for one in self.downloads if self._is_of(one, reference))
        return next((one for one in found if one.state is not DownloadState.DONE), None)

    def on_disk(self, reference: str) -> bool:
        """It was fetched a moment ago, or the catalogue says that it is there."""
        done = any(self._is_of(one, reference) and one.state is DownloadState.DONE for one in self.downloads)
        return done or any(e.reference == reference and e.installed for e in self.catalogue or ())

    def _is_of(self, download: Download, reference: str) -> bool:
        return download.id == self.asked.get(reference) or plain(download.reference) == plain(reference)

    @property
    def imports(self) -> tuple[Download, ...]:
        """Imports that are not over."""
        return tuple(d for d in self.downloads if is_import(d) and d.state is not DownloadState.DONE)

    @property
    def size_bytes(self) -> int:
        """What all models take on the disk."""
        return sum(model.size_bytes for model in self.models or ())


def plain(reference: str) -> str:
    """A reference without the tag that is meant when none is given."""
    return reference.removesuffix(":latest")


def is_import(download: Download) -> bool:
    """It brings a file of this machine into the library: its reference is a path."""
    return download.reference.startswith("/") or download.reference[1:3] == ":\\"


def matches(wanted: str, text: str) -> bool:
    """Whether all words of a search stand in a text."""
    folded = text.casefold()
    return all(word in folded for word in wanted.casefold().split())


def words_of_model(model: Model) -> str:
    """What a model is found by."""
    parts = (model.title, model.name, model.quantization, model.license, model.architecture, model.provider)
    return " ".join(parts)


def words_of_entry(entry: CatalogueEntry) -> str:
    """What an entry of the catalogue is found by."""
    return " ".join((entry.title, entry.reference, entry.description, entry.quantization, entry.license))


def is_kind(entry: CatalogueEntry, kind: Kind) -> bool:
    """Whether an entry belongs to a kind."""
    match kind:
        case "all":
            return True
        case "chat":
            return not entry.embeds
        case "embeds":
            return entry.embeds
        case "tools":
            return entry.tools


def share_of(download: Download) -> float | None:
    """How far a download is, between 0 and 1; None while its size is unknown."""
    return min(1.0, download.done_bytes / download.size_bytes) if download.size_bytes else None
