"""The Ollama registry: a manifest names the layers of a model, blobs are named by their sha256.

Protocol: ollama/ollama, server/images.go, server/download.go, server/auth.go; types of layers in manifest/.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from backend_embedded.errors import DownloadFailed
from backend_embedded.library.connection import Connection
from backend_embedded.library.offer import LARGEST_ANSWER_BYTES, Offer, Offers, file_name, json_of
from backend_embedded.library.reference import OLLAMA_HOST, OllamaReference
from backend_embedded.library.transport import Transport

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.ollama.image."
BESIDE = ("template", "system", "params", "license")
LARGEST_BESIDE_BYTES = 1024 * 1024
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class OllamaRegistry:
    """Finds models of the Ollama registry.

    Args:
        base_url: another address than the registry's own, for tests and mirrors.
    """

    def __init__(self, transport: Transport, base_url: str = f"https://{OLLAMA_HOST}") -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")

    def offers(self, reference: OllamaReference) -> Offers:
        """The one file of a model; blocking.

        Raises:
            NotFound, DownloadFailed: no such model, or one that is no GGUF file.
            Transient: another try may go better.
        """
        manifest, token = self._manifest(reference)
        layers = {
            str(layer.get("mediaType", "")).removeprefix(LAYER): layer
            for layer in manifest.get("layers", ())
            if isinstance(layer, dict)
        }
        weights = layers.get("model")
        if weights is None:
            raise DownloadFailed(
                f"{reference} has no GGUF file: it is served by the cloud, or has another form.",
                remedy="Choose another model or tag.",
            )
        beside = {name: self._text(reference, layers[name], token) for name in BESIDE if name in layers}
        config = self._config(reference, manifest.get("config"), token)
        offer = Offer(
            reference=str(reference),
            name=_name(reference),
            url=self._blob(reference, _digest(weights, reference)),
            size_bytes=_size(weights),
            sha256=_digest(weights, reference),
            quantization=str(config.get("file_type", "")),
            token=token,
            beside=beside,
        )
        return Offers(str(reference), str(reference), _licence(beside.get("license", "")), (offer,))

    def _manifest(self, reference: OllamaReference) -> tuple[dict[str, Any], str]:
        path = f"/v2/{reference.namespace}/{reference.model}/manifests/{reference.tag}"
        headers = {"Accept": MANIFEST_TYPE}
        token = ""
        answer = self._transport.open(self._base_url + path, headers=headers)
        if answer.status == 401 and (challenge := answer.headers.get("WWW-Authenticate")):
            answer.close()
            token = self._token(challenge)
            headers["Authorization"] = f"Bearer {token}"
            answer = self._transport.open(self._base_url + path, headers=headers)
        manifest = json_of(answer, f"model {reference} in the Ollama registry")
        if not isinstance(manifest, dict):
            raise DownloadFailed(f"The registry's answer about {reference} cannot be read.")
        return manifest, token

    def _token(self, challenge: str) -> str:
        """A token for anybody, as the challenge asks (Docker registry token protocol)."""
        facts = dict(_CHALLENGE.findall(challenge))
        realm = facts.pop("realm", "")
        if urlsplit(realm).scheme not in ("http", "https"):
            raise DownloadFailed("The registry asks for an account.", remedy="Choose another model.")
        facts.pop("error", None)
        answer = json_of(self._transport.open(f"{realm}?{urlencode(facts)}"), "token of the registry")
        token = answer.get("token") or answer.get("access_token") if isinstance(answer, dict) else ""
        if not isinstance(token, str) or not token:
            raise DownloadFailed("The registry gave no token.", remedy="Try again later.")
        return token

    def _blob(self, reference: OllamaReference, sha256: str) -> str:
        return f"{self._base_url}/v2/{reference.namespace}/{reference.model}/blobs/sha256:{sha256}"

    def _fetch(self, reference: OllamaReference, layer: dict[str, Any], token: str) -> Connection:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._transport.open(self._blob(reference, _digest(layer, reference)), headers=headers)

    def _text(self, reference: OllamaReference, layer: dict[str, Any], token: str) -> str:
        """A small layer's text; empty when it cannot be had, for the model works without."""
        if _size(layer) > LARGEST_BESIDE_BYTES:
            return ""
        answer = self._fetch(reference, layer, token)
        try:
            body = answer.read(LARGEST_ANSWER_BYTES) if answer.status == 200 else b""
        finally:
            answer.close()
        return body.decode("utf-8", "replace")

    def _config(self, reference: OllamaReference, layer: object, token: str) -> dict[str, Any]:
        if not isinstance(layer, dict):
            return {}
        try:
            config = json.loads(self._text(reference, layer, token))
        except ValueError:
            return {}
        return config if isinstance(config, dict) else {}


def _digest(layer: dict[str, Any], reference: OllamaReference) -> str:
    found = _DIGEST.fullmatch(str(layer.get("digest", "")))
    if found is None:
        raise DownloadFailed(f"The registry's manifest of {reference} names no sha256.")
    return found[1]


def _size(layer: dict[str, Any]) -> int:
    size = layer.get("size", 0)
    return size if isinstance(size, int) and size > 0 else 0


def _name(reference: OllamaReference) -> str:
    tag = "" if reference.tag == "latest" else f"-{reference.tag}"
    owner = "" if reference.namespace == "library" else f"{reference.namespace}-"
    return file_name(f"{owner}{reference.model}{tag}")


def _licence(text: str) -> str:
    """What a licence's text is called."""
    head = text[:600].lower()
    known = {
        "apache license": "Apache-2.0", "mit license": "MIT", "gemma terms": "Gemma",
        "llama 3.2 community": "Llama-3.2", "llama 3.1 community": "Llama-3.1",
    }  # fmt: skip
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return next((name for words, name in known.items() if words in head), first[:60])
