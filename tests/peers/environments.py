"""Virtual environments in which tracekit stands beside another instrumentation of the Anthropic SDK.

One environment a peer, so that each comes with its own dependencies and no other. They live in a cache folder and are
used again until what they are made of changes. Run this file to build those that are missing, or `.ci/peers`.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GUESTS", "PEERS", "Peer", "find"]

CACHE_VARIABLE = "TRACEKIT_PEERS"
"""Names the folder that holds the environments; by default one in the user's cache folder."""

_ROOT = Path(__file__).resolve().parents[2]
_CONSTRAINTS = _ROOT / ".ci" / "constraints.txt"
_READY = "ready"
"""The file that says that an environment is complete: a build that was broken off has none, and is begun anew."""


@dataclass(frozen=True)
class Peer:
    """An instrumentation of the Anthropic SDK, or what else has an environment of its own.

    Attributes:
        name: What the peer is called here.
        requirements: What its environment needs beside tracekit.
        scope: How the names of the instrumentation scopes begin under which it emits its spans.
        is_constrained: Whether all else there has the versions that the project's own environment has.
    """

    name: str
    requirements: tuple[str, ...]
    scope: str
    is_constrained: bool = True

    @property
    def folder(self) -> Path:
        """The folder of its environment, whether or not it is built."""
        parts = [
            *self.requirements,
            json.dumps(tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]),
            _CONSTRAINTS.read_text(encoding="utf-8") if _CONSTRAINTS.exists() else "",
            sys.base_prefix + sys.version,
        ]
        # An environment refers to its checkout, so each checkout has its own.
        return _cache() / _digest(str(_ROOT)) / f"{self.name}-{_digest(*parts)}"

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / "bin" / "python"


# The versions are fixed: a new release of a peer is met when somebody raises its number here, not in the middle of
# other work.
PEERS: tuple[Peer, ...] = (
    Peer(
        "openinference",
        ("openinference-instrumentation-anthropic==3.1.0", "opentelemetry-sdk>=1.45"),
        "openinference.instrumentation.anthropic",
    ),
    Peer(
        "traceloop",
        ("opentelemetry-instrumentation-anthropic==0.62.4", "opentelemetry-sdk>=1.45"),
        "opentelemetry.instrumentation.anthropic",
    ),
    Peer("logfire", ("logfire==5.2.0", "opentelemetry-sdk>=1.45"), "logfire"),
    Peer(
        "opentelemetry",
        ("opentelemetry-instrumentation-genai-anthropic==1.3b0", "opentelemetry-sdk>=1.45"),
        "opentelemetry.instrumentation.genai.anthropic",
    ),
)

GUESTS = Peer("guests", ("litellm==1.110.2", "mcp==2.3.0"), "", is_constrained=False)
"""Packages that ask Claude without the SDK, or start programs that do."""


def find(name: str) -> Peer | None:
    """The peer called `name` if its environment is built, else None."""
    peer = next(peer for peer in (*PEERS, GUESTS) if peer.name == name)
    return peer if (peer.folder / _READY).exists() else None


def build(peer: Peer) -> str:
    """Build the environment of `peer` unless it is there; returns a line that says what was done.

    Raises:
        RuntimeError: pip failed; the message holds what it said.
    """
    folder = peer.folder
    with _locked(folder.parent / f"{peer.name}.lock"):
        if (folder / _READY).exists():
            return f"{peer.name}: {folder} (kept)"
        begin = time.monotonic()
        for outdated in folder.parent.glob(f"{peer.name}-*"):
            shutil.rmtree(outdated)
        venv.create(folder, symlinks=True, with_pip=False)
        # This Python's own pip installs into the other environment, which so needs none.
        command = [sys.executable, "-m", "pip", "--python", str(peer.python), "install", "--quiet", "--no-input"]
        if _CONSTRAINTS.exists() and peer.is_constrained:
            command += ["--constraint", str(_CONSTRAINTS)]
        done = subprocess.run(
            [*command, "--editable", str(_ROOT), *peer.requirements], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{peer.name}: pip could not build {folder}:\n{done.stdout}{done.stderr}")
        (folder / _READY).touch()
        return f"{peer.name}: {folder} (built in {time.monotonic() - begin:.0f} s)"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _cache() -> Path:
    configured = os.environ.get(CACHE_VARIABLE)
    if configured:
        return Path(configured).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tracekit-peers"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time; the lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build every environment that is missing."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "peers", nargs="*", metavar="PEER", help=f"one of {', '.join(peer.name for peer in (*PEERS, GUESTS))}"
    )
    wanted = parser.parse_args().peers
    failed = False
    with ThreadPoolExecutor(2) as pool:
        builds = [pool.submit(build, peer) for peer in (*PEERS, GUESTS) if not wanted or peer.name in wanted]
        for done in builds:
            try:
                print(done.result(), flush=True)
            except RuntimeError as error:
                print(error, file=sys.stderr, flush=True)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
