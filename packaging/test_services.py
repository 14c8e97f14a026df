"""Runs the test suites that need real outside servers, or says why there are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ollama_server  # beside this file
import postgres_server
import rabbitmq_server
import redis_server

ROOT = Path(__file__).resolve().parent.parent
NO_TEST_COLLECTED = 5
PYTEST = [sys.executable, "-m", "pytest", "-m", "services"]


def main() -> int:
    """Exit status of pytest; 0 when no suite is marked `services`."""
    collected = subprocess.run(
        [*PYTEST, "--collect-only", "-q"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if collected.returncode == NO_TEST_COLLECTED:
        print(
            "test-services: nothing to run: the program uses no outside service yet; all it needs is on board,"
        )
        print("test-services: and `make test` tests that for real (its own backend, llama.cpp, SQLite).")
        return 0
    if collected.returncode:
        print(collected.stdout)
        return collected.returncode
    try:
        ollama_server.ensure()
    except ollama_server.NoServerError as reason:
        print(f"test-services: Ollama: {reason}; its suites are skipped", flush=True)
    try:
        with postgres_server.programs() as folder:
            print(f"test-services: PostgreSQL {postgres_server.version(folder)}", flush=True)
    except postgres_server.NoServerError as reason:
        print(f"test-services: PostgreSQL: {reason}; its suites are skipped", flush=True)
    try:
        rabbitmq_server.ensure()
    except rabbitmq_server.NoServerError as reason:
        print(f"test-services: RabbitMQ: {reason}; its suites are skipped", flush=True)
    try:
        print(f"test-services: Redis {redis_server.ensure().version()}", flush=True)
    except redis_server.NoServerError as reason:
        print(f"test-services: Redis: {reason}; its suites are skipped", flush=True)
    return subprocess.run([*PYTEST, *sys.argv[1:]], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
