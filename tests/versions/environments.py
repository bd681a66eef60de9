"""The environments of tests/versions: the oldest and the newest versions of the SDK and of OpenTelemetry that are supported.

`.ci/versions` builds those that are missing, and runs tests/versions, or the suite in one of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.environments import Environment, build_missing

__all__ = ["LOWEST", "VERSIONS", "Version"]

_DECIDED = ("anthropic==", "opentelemetry-", "protobuf==", "googleapis-common-protos==")
"""How those lines of the constraints begin that the versions of the two decide."""

_NO_SUITE = ("versions", "peers")
"""Folders below tests/ that have environments of their own; all others are the suite."""


@dataclass(frozen=True)
class Version(Environment):
    """Versions of the SDK and of OpenTelemetry, and their environment.

    Attributes:
        runs_suite: Whether the suite, which is written for newer SDKs, runs there.
    """

    unpinned: tuple[str, ...] = _DECIDED
    runs_suite: bool = field(default=False, kw_only=True)


def _opentelemetry(stable: str, beta: str) -> tuple[str, ...]:
    names = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp")
    return (*(f"{name}=={stable}" for name in names), f"opentelemetry-exporter-prometheus=={beta}")


_OLD, _NEW = _opentelemetry("1.20.0", "0.41b0"), _opentelemetry("1.45.2", "0.66b2")

LOWEST = Version("sdk-0.70", ("anthropic[bedrock,vertex]==0.70.0", *_OLD))
"""The lower bounds that `pyproject.toml` states."""

# The versions are fixed: a new release is met when somebody raises its number here, not in the middle of other work.
VERSIONS: tuple[Version, ...] = (
    LOWEST,
    Version("sdk-0.125", ("anthropic[bedrock,vertex]==0.125.0", *_NEW)),
    Version(
        "sdk-1.13",
        ("anthropic[bedrock,vertex]==1.13.0", "openinference-instrumentation-anthropic==3.1.0", *_NEW),
    ),
    Version(
        "oldest",
        # A newer FastAPI needs OpenTelemetry 1.44, and MCP needs 1.28.
        ("anthropic[aiohttp,aws,bedrock,vertex]==1.14.0", "fastapi==0.141.1", *_OLD),
        "dev",
        (*_DECIDED, "fastapi=="),
        without=("mcp",),
        runs_suite=True,
    ),
    Version("newest", ("anthropic[aiohttp,aws,bedrock,vertex]==2.14.0", *_NEW), "dev", runs_suite=True),
)


def main() -> int:
    """Build what is missing, then run tests; further arguments are pytest's."""
    parser = argparse.ArgumentParser(description=main.__doc__, allow_abbrev=False)
    parser.add_argument("--build", action="store_true", help="build, and run nothing")
    parser.add_argument("--only", action="append", metavar="NAME", choices=[version.name for version in VERSIONS])
    suites = [version.name for version in VERSIONS if version.runs_suite]
    parser.add_argument("--suite", metavar="NAME", choices=suites, help="run the suite in this environment")
    options, further = parser.parse_known_args()
    names = [options.suite] if options.suite else options.only
    wanted = [version for version in VERSIONS if not names or version.name in names]
    if not build_missing(wanted):
        return 1
    if options.build:
        return 0
    if options.suite:
        return _run_suite(wanted[0], further)
    # Those that are not wanted and not built are skipped, and so named.
    command = [sys.executable, "-m", "pytest", *(further or ["-n", "auto"]), "tests/versions"]
    return subprocess.run(command, check=False).returncode


def _run_suite(version: Version, further: Sequence[str]) -> int:
    """Run the suite in the environment of `version`, and return pytest's exit code."""
    ignored = [f"--ignore=tests/{each}" for each in _NO_SUITE]
    # Children that a test starts by name are those of the same environment.
    env = {**os.environ, "PATH": f"{version.python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(version.python), "-m", "pytest", *ignored, *(further or ["-n", "auto"])]
    return subprocess.run(command, check=False, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
