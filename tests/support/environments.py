"""Virtual environments in which tracekit stands beside what its own environment cannot have.

Each comes with its own dependencies and no other. They live in a cache folder and are used again until what they are made
of changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["ROOT", "Environment", "build_missing", "project"]

ROOT = Path(__file__).resolve().parents[2]
_CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
_READY = "ready"
"""The file that says that an environment is complete: a build that was broken off has none, and is begun anew."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with tracekit, installed so that it follows the checkout.

    Attributes:
        name: What it is called here.
        requirements: What it needs beside tracekit.
        extras: Optional dependencies of tracekit's that it has.
        unpinned: How the names of distributions begin whose versions `requirements` decide, not `.ci/constraints.txt`.
        without: Dependencies of `extras` that cannot be installed beside `requirements`.
    """

    name: str
    requirements: tuple[str, ...]
    extras: str = ""
    unpinned: tuple[str, ...] = ()
    without: tuple[str, ...] = field(default=(), kw_only=True)

    family: ClassVar[str] = "peers"
    """By what its cache folder is called, and the variable that names another one."""
    compiles: ClassVar[bool] = False
    """Whether the environment is compiled when it is built, and not when its modules are first imported."""

    @property
    def folder(self) -> Path:
        """The folder of its environment, whether or not it is built."""
        # An environment refers to its checkout, so each checkout has its own.
        return self._cache() / _digest(str(ROOT)) / f"{self.name}-{_digest(*self.made_of())}"

    def made_of(self) -> list[str]:
        """Return what makes it another environment when it changes."""
        return [
            *self.requirements,
            self.extras,
            *self.without,
            json.dumps(project()),
            self.constraints(),
            sys.base_prefix + sys.version,
        ]

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / "bin" / "python"

    @property
    def is_built(self) -> bool:
        """Return whether the environment exists and is complete."""
        return (self.folder / _READY).exists()

    def constraints(self) -> str:
        """The versions that are not this environment's to decide, a line each."""
        if not _CONSTRAINTS.exists():
            return ""
        lines = _CONSTRAINTS.read_text(encoding="utf-8").splitlines()
        return "\n".join(line for line in lines if not self.unpinned or not line.startswith(self.unpinned))

    def build(self) -> str:
        """Build the environment unless it is there; returns a line that says what was done.

        Raises:
            RuntimeError: pip or uv failed; the message holds its output.
        """
        folder = self.folder
        with _locked(folder.parent / f"{self.name}.lock"):
            if self.is_built:
                return f"{self.name}: {folder} (kept)"
            begin = time.monotonic()
            for outdated in folder.parent.glob(f"{self.name}-{'?' * 16}"):
                shutil.rmtree(outdated)
            self.install()
            (folder / _READY).touch()
            return f"{self.name}: {folder} (built in {time.monotonic() - begin:.0f} s)"

    def install(self) -> None:
        """Make the environment, and install what it needs.

        Raises:
            RuntimeError: pip or uv failed; the message holds its output.
        """
        venv.create(self.folder, symlinks=True, with_pip=False)
        constraints = self.folder / "constraints.txt"
        constraints.write_text(self.constraints(), encoding="utf-8")
        editable = f"{ROOT}[{self.extras}]" if self.extras else str(ROOT)
        packages = ["--constraint", str(constraints), "--editable", editable, *self.requirements]
        if self.without or self.compiles:
            self._install_by_uv(packages)
        else:
            # This Python's own pip installs into the other environment, by the machine's own settings of pip.
            _run(
                sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--no-input", *packages
            )

    def _install_by_uv(self, packages: Sequence[str]) -> None:
        """Install `packages` without what the environment leaves out, which pip cannot."""
        overrides = self.folder / "overrides.txt"
        # A dependency whose marker holds nowhere is none.
        overrides.write_text("".join(f"{name} ; python_version < '3'\n" for name in self.without), encoding="utf-8")
        beside = Path(sys.executable).with_name("uv")
        compiling = ["--compile-bytecode"] if self.compiles else []
        options = ["--python", str(self.python), "--override", str(overrides), *compiling]
        _run(str(beside) if beside.exists() else "uv", "--quiet", "pip", "install", *options, *packages)

    @classmethod
    def _cache(cls) -> Path:
        configured = os.environ.get(f"TRACEKIT_{cls.family.upper()}")
        if configured:
            return Path(configured).expanduser().absolute()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"tracekit-{cls.family}"


def project() -> dict[str, Any]:
    """Return what `pyproject.toml` says of the project."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time; the lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build_missing(environments: Sequence[Environment]) -> bool:
    """Build those of `environments` that are missing, and say so; false if one could not be built."""
    built = True
    with ThreadPoolExecutor(2) as pool:
        builds = [pool.submit(environment.build) for environment in environments]
        for done in builds:
            try:
                print(done.result(), flush=True)
            except RuntimeError as error:
                print(error, file=sys.stderr, flush=True)
                built = False
    return built
