"""Makes this folder runnable from nothing: system libraries, `.venv`, hash-pinned packages, starter model.

Standard library only, and parsed by Pythons older than the one it asks for, so that it can say so.
Each step that is done already costs a look; what cannot be done is told with what to do about it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)
PACKAGES = ROOT / "packaging"

# What the window opens at run time, by the name the loader knows it, and Debian's and Ubuntu's package of it
# (the first name that the release has).
LIBRARIES = {
    "libglib-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libdbus-1.so.3": ("libdbus-1-3",),
    "libxkbcommon.so.0": ("libxkbcommon0",),
    "libEGL.so.1": ("libegl1",),
    "libGL.so.1": ("libgl1",),
    "libfontconfig.so.1": ("libfontconfig1",),
    "libxcb-cursor.so.0": ("libxcb-cursor0",),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0",),
    "libxcb-icccm.so.4": ("libxcb-icccm4",),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1",),
}
# What the journeys drive the real window with.
TEST_PROGRAMS = {"Xvfb": ("xvfb",), "xdotool": ("xdotool",), "import": ("imagemagick",)}


class SetupFailed(Exception):
    """A step could not be done; the text says why and what to do."""


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def run(command: list[str], env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command without a terminal; its exit status and everything it printed."""
    done = subprocess.run(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def tail(text: str, lines: int = 12) -> str:
    """The last lines of an output, indented."""
    return "\n".join("    " + line for line in text.strip().splitlines()[-lines:])


# System libraries


def library_is_there(name: str) -> bool:
    """Whether the loader finds a shared library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def missing_system_packages(with_tests: bool) -> list[tuple[str, ...]]:
    """Packages that are not there, each as the names it may have."""
    missing = [names for library, names in LIBRARIES.items() if not library_is_there(library)]
    if with_tests:
        missing += [names for program, names in TEST_PROGRAMS.items() if shutil.which(program) is None]
    return missing


def as_root() -> list[str] | None:
    """What to put before a command to run it as root; None when that needs a password."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and run(["sudo", "-n", "true"])[0] == 0:
        return ["sudo", "-n"]
    return None


def known_to_apt(names: tuple[str, ...]) -> str | None:
    """The first of the names that this release has a package of."""
    for name in names:
        status, text = run(["apt-cache", "policy", name])
        if status == 0 and "Candidate:" in text and "Candidate: (none)" not in text:
            return name
    return None


def install_by_apt(wanted: list[tuple[str, ...]]) -> None:
    """Install Debian packages, each under the name that this release knows."""
    prefix = as_root()
    guess = " ".join(names[-1] for names in wanted)
    line = "sudo apt-get install -y --no-install-recommends " + guess
    if prefix is None:
        raise SetupFailed(
            f"Some system packages are missing and installing them needs a password. Run:\n    {line}"
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # sudo drops the variable: hand it over on the command line
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if any(known_to_apt(names) is None for names in wanted):
        run([*apt, "update"], quiet)
    chosen = [known_to_apt(names) or names[-1] for names in wanted]
    say("System packages: " + " ".join(chosen))
    install = [*apt, "install", "-y", "--no-install-recommends", *chosen]
    status, text = run(install, quiet)
    if status:  # an old package list names files that are gone
        run([*apt, "update"], quiet)
        status, text = run(install, quiet)
    if status:
        raise SetupFailed(f"apt-get could not install them:\n{tail(text)}\n  Try by hand:\n    {line}")


def ensure_system_packages(with_tests: bool) -> None:
    """Install what the loader does not find; say what to do, and go on, when that is not possible."""
    if not sys.platform.startswith("linux"):
        return
    missing = missing_system_packages(with_tests)
    if not missing:
        return
    if shutil.which("apt-get") is None:
        say("These are missing; install them with this system's package manager (Debian's names):")
        say("    " + " ".join(names[-1] for names in missing))
        return
    try:
        install_by_apt(missing)
    except SetupFailed as failure:
        say(str(failure))


# Python and its packages


def newer_python() -> str | None:
    """Another Python on the path that is new enough."""
    for minor in (14, 13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    return None


def ensure_python() -> None:
    """Go on under a Python that is new enough."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    other = newer_python()
    if other is None:
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupFailed(
            f"Python {version} is too old: 3.11 or newer is needed, then: make PYTHON=python3.11"
        )
    os.execv(other, [other, *sys.argv])


def venv_works() -> bool:
    """Whether `.venv` has a Python that starts, with pip."""
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    status, text = run([str(python), "-c", "import pip, sys; print(sys.prefix)"])
    return status == 0 and Path(text.strip()) == VENV


def ensure_venv() -> None:
    """Make `.venv`, anew when it is broken or was moved here from another folder."""
    if venv_works():
        return
    say(f"Python environment: .venv ({sys.version.split()[0]})")
    status, text = run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if status and "ensurepip" in text and shutil.which("apt-get"):
        version = "python{}.{}-venv".format(*sys.version_info[:2])
        install_by_apt([(version, "python3-venv")])
        status, text = run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if status:
        raise SetupFailed(f"The Python environment could not be made:\n{tail(text)}")


def pip_environment() -> dict[str, str]:
    """This environment without what would leave the packages uncompiled: the first start would pay for it."""
    keep = dict(os.environ)
    for name in (
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
    ):
        keep.pop(name, None)
    return keep


def pinned(requirements: Path) -> list[str]:
    """The packages that a pin file names."""
    return re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", requirements.read_text(), re.MULTILINE)


def install_packages(requirements: Path, *, dependencies: bool = True) -> None:
    """Install one pin file, every file checked by its hash, with a count of what is being fetched."""
    total = len(pinned(requirements))
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--compile", "--require-hashes"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += [] if dependencies else ["--no-deps"]
    command += ["-r", str(requirements)]
    process = subprocess.Popen(
        command,
        env=pip_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    printed, done = [], 0
    for line in process.stdout:
        printed.append(line)
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            done = min(done + 1, total)
            progress(
                f"Packages: {done}/{total} {line.split()[-1 if line.startswith('C') else 3].split('==')[0]}"
            )
        elif line.startswith("Installing collected"):
            progress("Packages: installing and compiling")
    progress("")
    if process.wait():
        raise SetupFailed(what_pip_failed_of("".join(printed)))


def progress(text: str) -> None:
    """Show a line that the next one replaces; nothing when this is no terminal."""
    if sys.stdout.isatty():
        width = max(20, shutil.get_terminal_size().columns - 1)
        print("\r\033[K" + text[:width], end="", flush=True)


def what_pip_failed_of(text: str) -> str:
    """Cause and remedy of a failed installation."""
    if "No space left on device" in text:
        return "The disk is full: the packages need about 700 MB. Make room and run it again."
    if "DO NOT MATCH THE HASHES" in text:
        return f"A package is not the one that was pinned; nothing of it was installed:\n{tail(text)}"
    if re.search(
        r"Temporary failure in name resolution|Max retries|NewConnectionError|unreachable|timed out", text
    ):
        return (
            "The package index cannot be reached. The first set-up needs the network, later starts do not.\n"
            f"{tail(text, 4)}\n  Check the connection (or the proxy in HTTPS_PROXY) and run it again."
        )
    return f"The packages could not be installed:\n{tail(text)}"


def write_doors() -> None:
    """Make the program importable from everywhere in `.venv` and put `sutazai` beside its Python."""
    for folder in VENV.glob("lib/python3*/site-packages"):
        (folder / "sutazai-control-center.pth").write_text(f"{ROOT}\n")
    door = VENV / "bin" / "sutazai"
    door.write_text('#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -m app "$@"\n')
    door.chmod(0o755)


def wanted_state(pins: list[Path]) -> str:
    """What `.venv` is made of: changes when a pin file, the Python or the folder does."""
    digest = hashlib.sha256()
    for part in [
        *(pin.read_bytes() for pin in pins),
        str(ROOT).encode(),
        os.path.realpath(sys.executable).encode(),
    ]:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold this folder's lock, so that two set-ups do not write one `.venv`."""
    import fcntl

    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this folder is at work; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def set_up(with_tests: bool, stamp: Path) -> None:
    """Do every step that is not done yet."""
    pins = [PACKAGES / ("requirements-dev.txt" if with_tests else "requirements.txt")]
    pins.append(PACKAGES / "requirements-starter.txt")
    started = time.monotonic()
    ensure_system_packages(with_tests)
    with one_at_a_time():
        wanted = wanted_state(pins)
        if not (stamp.exists() and stamp.read_text() == wanted and venv_works()):
            ensure_venv()
            say(f"Packages: {len(pinned(pins[0]))} and the starter model, about a minute")
            install_packages(pins[0])
            # its one dependency is another program's plug-in interface: only the model file is wanted
            install_packages(pins[1], dependencies=False)
            say(f"Set up in {time.monotonic() - started:.0f} s")
        write_doors()
        stamp.write_text(wanted)


def main() -> int:
    """Set the folder up; 0 when it can be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="with what the tests and checks need")
    parser.add_argument("--stamp", type=Path, required=True, help="file that tells that it is done")
    arguments = parser.parse_args()
    try:
        ensure_python()
        set_up(arguments.dev, ROOT / arguments.stamp)
    except SetupFailed as failure:
        say(f"Set-up stopped. {failure}")
        return 1
    except KeyboardInterrupt:
        say("\nSet-up interrupted; run it again to go on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
