"""The journals on the disk, by run: a look at each file's state, without opening it."""

from __future__ import annotations

import os
from pathlib import Path

from tracekit.errors import HomeError
from tracekit.journal.home import HOME_VARIABLE, home
from tracekit.store.rows import File

__all__ = ["scan"]


def scan(folder: Path) -> dict[str, list[File]]:
    """The segments below `folder`, which holds a folder for each day, by the id of their run.

    Raises:
        HomeError: It is a file, or cannot be read.
    """
    found: dict[str, list[File]] = {}
    try:
        with os.scandir(folder) as days:
            names = sorted(day.name for day in days)
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise HomeError(
            f"{HOME_VARIABLE}={home()} is, or lies below, a file; journals need a folder: set {HOME_VARIABLE} to one"
        ) from error
    except OSError as error:
        raise HomeError(f"the folder for journals cannot be read: {folder}: {error.strerror}") from error
    for name in names:
        for file in _files(folder, name):
            found.setdefault(file.path[len(name) + 1 :].partition(".")[0], []).append(file)
    return found


def _files(folder: Path, day: str) -> list[File]:
    files = []
    try:
        with os.scandir(folder / day) as entries:
            for entry in entries:
                if not entry.name.endswith(".jsonl"):
                    continue
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    # It was pruned meanwhile.
                    continue
                files.append(File(f"{day}/{entry.name}", stat.st_size, stat.st_mtime_ns, stat.st_ino))
    except OSError:
        # It was pruned meanwhile, or is a file of somebody else's.
        return []
    return files
