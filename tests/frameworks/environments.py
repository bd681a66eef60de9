"""Virtual environments of the frameworks, each with tracekit from this checkout beside one framework.

They live in a cache folder and are used again until what they are made of changes. Run this file to build those that are
missing, or `.ci/frameworks`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from tests.support.environments import Environment, project

__all__ = ["Framework", "find"]

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Framework(Environment):
    """The environment of one framework, with the versions that this one declares."""

    family: ClassVar[str] = "frameworks"
    compiles: ClassVar[bool] = True

    @property
    def version(self) -> str:
        """The framework's distribution and its version."""
        return re.sub(r"\[.*\]", "", self.requirements[0]).replace("==", " ")

    @override
    def made_of(self) -> list[str]:
        return [sys.base_prefix + sys.version, *project()["dependencies"], *self.requirements]

    @override
    def constraints(self) -> str:
        return ""


def _load() -> dict[str, Framework]:
    return {
        name: Framework(name, tuple(table["requires"]))
        for name, table in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
    }


def find(name: str) -> Framework:
    """Return the environment called `name`.

    Raises:
        LookupError: There is none, or it is not built.
    """
    found = _load().get(name)
    if found is None:
        raise LookupError(f"{_FILE.name} has no environment called {name!r}")
    if not found.is_built:
        raise LookupError(f"the environment {name} is not built: run .ci/frameworks {name}")
    return found


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
