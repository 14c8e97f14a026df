"""What a scripted library shows: models with all their facts, a catalogue, downloads at every point."""

from __future__ import annotations

from datetime import UTC, datetime

import scripted_content as content

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.library import (
    CatalogueEntry,
    Download,
    DownloadState,
    ModelDetails,
    Remote,
    RemoteFile,
)
from backend_embedded.contract.models import Model, ModelSource

BEGAN = datetime(2026, 3, 4, 9, 57, tzinfo=UTC)
TINY = content.TINY.model_copy(
    update={"memory_bytes": 988_000_000, "tokens_per_s": 38.2, "pinned": True, "path": content.TINY.path}
)
SMOL = content.SMOL.model_copy(
    update={"source": ModelSource.STARTER, "memory_bytes": 262_000_000, "tokens_per_s": 124.0}
)
STORED = Model(
    name="qwen2.5:0.5b",
    title="Qwen2.5 0.5B Instruct",
    provider="llama.cpp",
    path="/home/mira/.ollama/models/blobs/sha256-c5396e06af294bd101b30dce59131a76d2b773e76950acc870eda801d3ab0515",
    size_bytes=397_807_936,
    architecture="qwen2",
    quantization="Q4_K_M",
    parameters=494_000_000,
    context_length=32_768,
    license="Apache-2.0",
    source=ModelSource.OLLAMA_STORE,
    memory_bytes=611_000_000,
    tools=True,
)
SERVED = STORED.model_copy(
    update={
        "name": "gpt-oss:20b",
        "title": "gpt-oss 20B",
        "provider": "ollama",
        "path": "",
        "size_bytes": 13_780_173_839,
        "quantization": "MXFP4",
        "parameters": 20_900_000_000,
        "context_length": 131_072,
        "source": ModelSource.OLLAMA,
        "memory_bytes": 0,
        "tokens_per_s": 9.41,
        "tools": True,
    }
)
EMBEDDER = STORED.model_copy(
    update={
        "name": "all-minilm-l6-v2.Q8_0",
        "title": "all-MiniLM-L6-v2",
        "path": f"{content.HOME['models']}/all-minilm-l6-v2.Q8_0.gguf",
        "size_bytes": 25_000_000,
        "quantization": "Q8_0",
        "parameters": 22_700_000,
        "context_length": 512,
        "source": ModelSource.FOLDER,
        "memory_bytes": 48_000_000,
        "tools": False,
        "embeds": True,
    }
)
MODELS = (TINY, SMOL, STORED, SERVED, EMBEDDER, content.BROKEN)
DETAILS = ModelDetails(
    model=TINY,
    template="{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\\n' + message['content'] + eos_token }}\n{% endif %}\n{% endfor %}",
    license_text="Apache License, Version 2.0, January 2004",
    metadata={
        "general.architecture": "llama",
        "general.name": "tinyllama_tinyllama-1.1b-chat-v1.0",
        "llama.block_count": "22",
        "llama.context_length": "2048",
    },
    frees_bytes=TINY.size_bytes,
)


def entry(
    reference: str,
    title: str,
    description: str,
    size_mb: float,
    license: str,
    parameters_m: int,
    **fields: object,
) -> CatalogueEntry:
    """A row of the catalogue; its size is given in MB and its parameters in millions."""
    made = CatalogueEntry(
        reference=reference,
        title=title,
        description=description,
        size_bytes=int(size_mb * 1e6),
        license=license,
        parameters=parameters_m * 1_000_000,
        quantization="Q4_K_M",
        context_length=32_768,
        memory_bytes=int(size_mb * 1.5e6),
    )
    return made.model_copy(update=fields)


CATALOGUE = (
    entry(
        "tinyllama",
        "TinyLlama 1.1B Chat",
        "Small and quick; answers short questions on any machine.",
        637.7,
        "Apache-2.0",
        1100,
        quantization="Q4_0",
        context_length=2048,
        installed=True,
    ),
    entry(
        "qwen2.5:0.5b",
        "Qwen2.5 0.5B Instruct",
        "The smallest of its family; follows instructions and calls tools.",
        397.8,
        "Apache-2.0",
        494,
        tools=True,
    ),
    entry(
        "qwen2.5:1.5b",
        "Qwen2.5 1.5B Instruct",
        "A good first choice with 4 GiB of memory; many languages.",
        986.0,
        "Apache-2.0",
        1540,
        tools=True,
    ),
    entry(
        "llama3.2:1b",
        "Llama 3.2 1B Instruct",
        "Summaries and rewriting; a long context.",
        1321.0,
        "Llama 3.2 Community License",
        1240,
        quantization="Q8_0",
        context_length=131_072,
        tools=True,
    ),
    entry(
        "smollm2:360m",
        "SmolLM2 360M Instruct",
        "For machines with little memory.",
        725.6,
        "Apache-2.0",
        362,
        quantization="F16",
        context_length=8192,
    ),
    entry("gemma2:2b", "Gemma 2 2B", "Careful answers in plain words.", 1629.5, "Gemma Terms of Use", 2610),
    entry(
        "all-minilm",
        "all-MiniLM-L6-v2",
        "Vectors of 384 numbers for search over texts.",
        45.9,
        "Apache-2.0",
        23,
        quantization="F16",
        context_length=512,
        embeds=True,
    ),
    entry(
        "nomic-embed-text",
        "Nomic Embed Text v1.5",
        "Vectors of 768 numbers for long texts.",
        274.3,
        "Apache-2.0",
        137,
        quantization="F16",
        context_length=8192,
        embeds=True,
    ),
)
REPOSITORY = "hf.co/bartowski/Phi-3.5-mini-instruct-GGUF"
REMOTE = Remote(
    reference=REPOSITORY,
    title="Phi-3.5-mini-instruct",
    license="MIT",
    files=tuple(
        RemoteFile(
            reference=f"{REPOSITORY}/Phi-3.5-mini-instruct-{quantization}.gguf",
            name=f"Phi-3.5-mini-instruct-{quantization}.gguf",
            size_bytes=int(size_gb * 1e9),
            quantization=quantization,
        )
        for quantization, size_gb in (("Q4_K_M", 2.39), ("Q5_K_M", 2.82), ("Q8_0", 4.06))
    ),
)


def download(
    reference: str, state: DownloadState, done_mb: float, size_mb: float, **fields: object
) -> Download:
    """A download at some point."""
    made = Download(
        id=f"id-{reference}",
        reference=reference,
        name=reference,
        state=state,
        size_bytes=int(size_mb * 1e6),
        done_bytes=int(done_mb * 1e6),
        started_at=BEGAN,
    )
    return made.model_copy(update=fields)


DOWNLOADS = (
    download(
        "qwen2.5:1.5b", DownloadState.RUNNING, 612, 986, bytes_per_s=21_400_000.0, remaining_s=17.0, retries=1
    ),
    download("llama3.2:1b", DownloadState.PAUSED, 859, 1321),
    download(
        "smollm2:360m",
        DownloadState.FAILED,
        302,
        725.6,
        message="The server closed the connection 5 times, most likely because the network is down.",
        remedy="Try again when it is back; it goes on where it was.",
    ),
    download("nomic-embed-text", DownloadState.VERIFYING, 274.3, 274.3),
)
OFFLINE = ErrorBody(
    code=ErrorCode.TIMED_OUT,
    message="The registry could not be reached: the name of its host was not found.",
    remedy="Connect to the network, then look it up again.",
)
NO_MEMORY = ErrorBody(
    code=ErrorCode.NOT_ENOUGH_MEMORY,
    message="It needs about 13.1 GiB; 3.20 GiB are free.",
    remedy="Unload another model, or choose a smaller one.",
)
NOT_GGUF = ErrorBody(
    code=ErrorCode.MODEL_FILE_INVALID,
    message="/home/mira/Downloads/mistral-7b.gguf is not a GGUF file: it is a web page (HTML).",
    remedy="Choose or fetch a file that ends in .gguf.",
)
