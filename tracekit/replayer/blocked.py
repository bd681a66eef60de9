"""Notes about requests that a replay refused in processes that are not replayed.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["blocked_in", "note_blocked"]

_PREFIX = "blocked-"
_MOST_CHARACTERS = 200


def note_blocked(folder: str, where: str) -> None:
    """Note in `folder` that this process tried to reach `where`; do nothing without a folder."""
    if not folder:
        return
    program = " ".join(sys.orig_argv)[:_MOST_CHARACTERS]
    with suppress(OSError):
        # The program may have removed the folder, or be out of descriptors: the request is refused all the same.
        file = os.open(Path(folder) / f"{_PREFIX}{os.getpid()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(f"{where}, by {program}").encode() + b"\n")
        finally:
            os.close(file)


def blocked_in(folder: Path) -> Iterator[str]:
    """Iterate over the refused requests noted in `folder`, each with the program that made it."""
    for path in sorted(folder.glob(f"{_PREFIX}*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line))
