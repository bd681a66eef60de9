"""Virtual environments of the frameworks, each with tracekit from this checkout beside one framework.

They live in a cache folder and are used again until what they are made of changes. Run this file to build those that are
missing, or `.ci/frameworks`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment", "find"]

CACHE_VARIABLE = "TRACEKIT_FRAMEWORKS"
"""Names the folder that holds the environments; by default one in the user's cache folder."""

_ROOT = Path(__file__).resolve().parents[2]
_FILE = Path(__file__).with_suffix(".toml")
_READY = "ready"
"""The file that says that an environment is complete: a build that was broken off has none, and is begun anew."""


@dataclass(frozen=True)
class Environment:
    """The environment of one framework.

    Attributes:
        name: The framework's key in environments.toml.
        requires: Requirements beside tracekit.
    """

    name: str
    requires: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The environment's folder, whether or not it is built; each checkout has its own, since it refers to it."""
        project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
        digest = _digest(sys.base_prefix + sys.version, *project, *self.requires)
        return _cache() / _digest(str(_ROOT)) / f"{self.name}-{digest}"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def ready(self) -> bool:
        """Whether the environment is built."""
        return (self.folder / _READY).exists()

    def build(self) -> str:
        """Build the environment unless it is there; returns a line that says what was done.

        Raises:
            RuntimeError: uv failed; the message holds what it said.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # one builder at a time
            if self.ready:
                return f"{self.name}: {self.folder} (kept)"
            begin = time.monotonic()
            for outdated in self.folder.parent.glob(f"{self.name}-*"):
                shutil.rmtree(outdated)
            _uv("venv", "--python", sys.executable, str(self.folder))
            _uv("pip", "install", "--python", str(self.python), "--editable", str(_ROOT), *self.requires)
            (self.folder / _READY).touch()
            return f"{self.name}: {self.folder} (built in {time.monotonic() - begin:.0f} s)"


def _load() -> dict[str, Environment]:
    return {
        name: Environment(name, tuple(table["requires"]))
        for name, table in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
    }


def find(name: str) -> Environment:
    """Return the environment called `name`.

    Raises:
        LookupError: There is none, or it is not built.
    """
    found = _load().get(name)
    if found is None:
        raise LookupError(f"{_FILE.name} has no environment called {name!r}")
    if not found.ready:
        raise LookupError(f"the environment {name} is not built: run .ci/frameworks {name}")
    return found


def _uv(*arguments: str) -> None:
    done = subprocess.run(["uv", "--quiet", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments[:2])} failed:\n{done.stdout}{done.stderr}")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _cache() -> Path:
    configured = os.environ.get(CACHE_VARIABLE)
    if configured:
        return Path(configured).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tracekit-frameworks"


def main() -> int:
    """Build every environment that is missing, or those named."""
    known = _load()
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    failed = False
    for name in parser.parse_args().names or known:
        try:
            print(known[name].build(), flush=True)
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
