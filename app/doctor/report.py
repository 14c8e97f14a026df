"""`sutazai doctor`: all checks, for people or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

from app.doctor import engine_checks, machine_checks, window_checks
from app.doctor.check import DOWN, Check, Finding, examine, worst
from app.paths import HomePaths

_MARKS = {"ok": "ok  ", "degraded": "warn", "down": "DOWN"}


def checks_of(paths: HomePaths) -> dict[str, Check]:
    """Every check by its id, in the order in which things depend on each other."""
    return {
        "python": window_checks.python_version,
        "qt": window_checks.qt,
        "libraries": window_checks.system_libraries,
        "fonts": window_checks.fonts,
        "display": lambda: window_checks.display(os.environ),
        "home": lambda: machine_checks.home(paths),
        "disk": lambda: machine_checks.disk(paths),
        "memory": machine_checks.memory,
        "compiler": engine_checks.compiler,
        "engine": engine_checks.engine,
        "starter-model": engine_checks.starter_model,
        "models": lambda: engine_checks.models_folder(paths),
        "backend": lambda: engine_checks.backend(paths),
        "token": lambda: machine_checks.token_file(paths),
    }


def findings_of(paths: HomePaths) -> Iterator[Finding]:
    """Carry out the checks one after the other."""
    for name, check in checks_of(paths).items():
        yield examine(name, check)


def print_report(paths: HomePaths, as_json: bool) -> int:
    """Print what was found; the exit status is 1 if anything is down."""
    findings = []
    for finding in findings_of(paths):
        findings.append(finding)
        if not as_json:
            sys.stdout.write(f"{_MARKS[finding.state]}  {finding.id:<14} {finding.meaning}\n")
            if finding.remedy:
                sys.stdout.write(f"{'':<20} -> {finding.remedy}\n")
            sys.stdout.flush()
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    return 1 if worst(findings) == DOWN else 0
