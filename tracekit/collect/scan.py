"""The journals on the disk, by run: a look at each file's state, without opening it."""

from __future__ import annotations

import os
from pathlib import Path

from tracekit.journal.files import days
from tracekit.store.rows import File

__all__ = ["scan"]


def scan(folder: Path) -> dict[str, list[File]]:
    """The segments below `folder`, which holds a folder for each day, by the id of their run.

    Raises:
        HomeError: It is a file, or cannot be read.
    """
    found: dict[str, list[File]] = {}
    for day in days(folder=folder):
        for entry in day.files:
            file = _file(day.name, entry)
            if file is not None:
                found.setdefault(entry.name.partition(".")[0], []).append(file)
    return found


def _file(day: str, entry: os.DirEntry[str]) -> File | None:
    try:
        stat = entry.stat()
    except OSError:
        # It was pruned meanwhile.
        return None
    return File(f"{day}/{entry.name}", stat.st_size, stat.st_mtime_ns, stat.st_ino)
