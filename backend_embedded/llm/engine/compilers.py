"""What this machine can compile with: its C++ compiler and its cmake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from backend_embedded.llm.engine.failures import no_compiler

OLDEST_CMAKE = (3, 21)


def compiler_works() -> None:
    """Compile a line of C++ that needs the standard library.

    Raises:
        BuildError: there is no compiler, or it cannot do that (`no_compiler`).
    """
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["c++", "g++", "clang++"]
    compiler = next((found for name in names if (found := shutil.which(name.split()[0]))), None)
    if compiler is None:
        raise no_compiler(f"none of {', '.join(names)} is on the path.")
    done = subprocess.run(
        [compiler, "-x", "c++", "-std=c++17", "-fsyntax-only", "-"],
        input="#include <thread>\nint main() { return 0; }\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise no_compiler(f"{compiler} cannot compile one line ({done.stderr.strip()[:200]}).")


def system_cmake() -> str | None:
    """The system's cmake, if it is new enough and there is something for it to drive (ninja or make)."""
    cmake = shutil.which("cmake")
    if cmake is None or not (shutil.which("ninja") or shutil.which("make")):
        return None
    done = subprocess.run([cmake, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return cmake if found and (int(found[1]), int(found[2])) >= OLDEST_CMAKE else None
