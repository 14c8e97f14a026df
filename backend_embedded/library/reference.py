"""Names of models as people write them: of the Ollama registry, of Hugging Face, or the address of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from backend_embedded.errors import InvalidInput

OLLAMA_HOST = "registry.ollama.ai"
HUGGING_FACE_HOSTS = frozenset({"hf.co", "huggingface.co", "www.huggingface.co"})
_OLLAMA_HOSTS = frozenset({OLLAMA_HOST, "ollama.com", "www.ollama.com"})
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,250}")
_REMEDY = (
    "Write a name such as tinyllama, qwen2.5:0.5b, hf.co/OWNER/REPOSITORY:Q4_K_M, "
    "or the https address of a .gguf file."
)


@dataclass(frozen=True, slots=True)
class OllamaReference:
    """A model of the Ollama registry: `tinyllama` is `library/tinyllama:latest`."""

    namespace: str
    model: str
    tag: str

    def __str__(self) -> str:
        owner = "" if self.namespace == "library" else f"{self.namespace}/"
        return f"{owner}{self.model}:{self.tag}"


@dataclass(frozen=True, slots=True)
class HuggingFaceReference:
    """A repository of Hugging Face, one file of it, or its file of a quantization (`hf.co/OWNER/NAME:Q4_K_M`).

    `revision` is a commit, a branch or a tag.
    """

    owner: str
    repository: str
    file: str = ""
    revision: str = "main"
    quantization: str = ""

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        quantization = f":{self.quantization}" if self.quantization else ""
        return f"hf.co/{self.owner}/{self.repository}{file}{revision}{quantization}"


@dataclass(frozen=True, slots=True)
class FileReference:
    """The address of one GGUF file of any server."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def file(self) -> str:
        """Name of the file."""
        return unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]


Reference = OllamaReference | HuggingFaceReference | FileReference


def parse_reference(text: str) -> Reference:
    """What a name means.

    Raises:
        InvalidInput: it means nothing; says why.
    """
    text = text.strip()
    if not text:
        raise _unclear("The name of the model is empty.")
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in text):
        raise _unclear(f"{text!r} has a space or a control character in it.")
    scheme, separator, rest = text.partition("://")
    if separator:
        return _address(scheme.lower(), rest, text)
    host, _, path = text.partition("/")
    if host.lower() in HUGGING_FACE_HOSTS:
        return _hugging_face(path, text)
    if host.lower() in _OLLAMA_HOSTS:
        return _ollama(path, text)
    if "." in host and path.count("/") >= 1:
        raise _unclear(f"{host} is no registry that is known.")
    return _ollama(text, text)


def _address(scheme: str, rest: str, text: str) -> Reference:
    host, _, path = rest.partition("/")
    if scheme not in ("http", "https"):
        raise _unclear(f"{scheme}:// is no address that can be fetched from.")
    try:
        parts = urlsplit(text)
        named = parts.hostname
        _ = parts.port
    except ValueError:
        raise _unclear(f"{text} is not a valid address.") from None
    if not named:
        raise _unclear(f"{text} names no server.")
    if parts.username is not None or parts.password is not None:
        raise _unclear("An address with a user name or a password in it is not taken.")
    if host.lower() in HUGGING_FACE_HOSTS:
        return _hugging_face(unquote(path.partition("?")[0]), text)
    if host.lower() in _OLLAMA_HOSTS:
        return _ollama(path.removeprefix("library/"), text)
    file = FileReference(text).file
    if not file.lower().endswith(".gguf"):
        raise _unclear(f"{text} is not the address of a .gguf file.")
    if not _FILE.fullmatch(file):
        raise _unclear(f"{file} is no name for a file.")
    return FileReference(text)


def _hugging_face(path: str, text: str) -> HuggingFaceReference:
    path, colon, quantization = path.partition(":")
    if colon and not quantization:
        raise _unclear(f"{text} has nothing after the colon.")
    path, _, revision = path.partition("@")
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2:
        raise _unclear(f"{text} names no repository: it needs an owner and a name.")
    owner, repository, *file = parts
    if len(file) >= 2 and file[0] in ("resolve", "blob", "tree", "raw"):
        revision, file = revision or file[1], file[2:]  # the address of a page or a file, as a browser has it
    if file and quantization:
        raise _unclear(f"{text} names a file and a quantization; one of them is enough.")
    for part in (owner, repository, revision or "main", quantization or "Q"):
        _check(_PART, part, text)
    for part in file:
        _check(_FILE, part, text)
    if file and not file[-1].lower().endswith(".gguf"):
        raise _unclear(f"{file[-1]} is not a .gguf file.")
    return HuggingFaceReference(owner, repository, "/".join(file), revision or "main", quantization)


def _ollama(path: str, text: str) -> OllamaReference:
    name, separator, tag = path.partition(":")
    if separator and not tag:
        raise _unclear(f"{text} has nothing after the colon.")
    parts = name.split("/")
    if len(parts) > 2:
        raise _unclear(f"{text} has too many parts for a model of the Ollama registry.")
    namespace, model = parts if len(parts) == 2 else ("library", parts[0])
    for part in (namespace, model, tag or "latest"):
        _check(_PART, part, text)
    return OllamaReference(namespace, model, tag or "latest")


def _check(form: re.Pattern[str], part: str, text: str) -> None:
    if not form.fullmatch(part) or ".." in part:
        raise _unclear(f"{text} is no name of a model: {part or 'an empty part'} cannot be part of one.")


def _unclear(message: str) -> InvalidInput:
    return InvalidInput(message, remedy=_REMEDY, fields=[{"field": "reference", "problem": "not understood"}])
