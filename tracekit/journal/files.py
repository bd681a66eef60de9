"""The files of journals: found by their names, and opened only where they are regular files.

A folder may hold whatever else: a FIFO would be waited for without an end, and a loop of links leads nowhere.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tracekit.errors import HomeError
from tracekit.journal.home import HOME_VARIABLE, home, runs_folder
from tracekit.origin import pass_on

__all__ = ["Day", "days", "open_regular", "unreadable"]

_SUFFIX = ".jsonl"


class Day(NamedTuple):
    """The journals that were begun on one day. `problem` says why the folder cannot be read; usually it is empty."""

    name: str
    files: list[os.DirEntry[str]]
    problem: str = ""


def days(since: str = "", folder: Path | None = None) -> list[Day]:
    """Return the folders below `folder` from the day `since` on, with the regular files in each that may be journals.

    Raises:
        HomeError: The folder above them is a file, or cannot be read.
    """
    folder = runs_folder() if folder is None else folder
    try:
        with os.scandir(folder) as found:
            names = sorted(day.name for day in found if day.name >= since)
    except FileNotFoundError as error:
        pass_on(error)
        return []
    except NotADirectoryError as error:
        raise HomeError(
            f"{HOME_VARIABLE}={home()} is a file, or lies below one; journals need a folder: set {HOME_VARIABLE} to one"
        ) from error
    except OSError as error:
        raise HomeError(f"the folder for journals cannot be read: {folder}: {error.strerror}") from error
    return [_day(folder / name) for name in names]


def unreadable() -> list[str]:
    """Return what keeps folders of days from being read, a sentence for each.

    Raises:
        HomeError: The folder above them is a file, or cannot be read.
    """
    return [day.problem for day in days() if day.problem]


def _day(folder: Path) -> Day:
    try:
        with os.scandir(folder) as found:
            return Day(folder.name, [file for file in found if _is_journal(file)])
    except (FileNotFoundError, NotADirectoryError) as error:
        pass_on(error)
        # The folder was pruned meanwhile, or it is another program's file.
        return Day(folder.name, [])
    except OSError as error:
        pass_on(error)
        return Day(folder.name, [], f"the journals in {folder} are left out: {error.strerror}")


def _is_journal(file: os.DirEntry[str]) -> bool:
    try:
        # The store could not hold a name that is no UTF-8, and no writer makes one.
        file.name.encode("utf-8")
        return file.name.endswith(_SUFFIX) and file.is_file()
    except (OSError, UnicodeEncodeError) as error:
        pass_on(error)
        return False


def open_regular(path: Path, *, buffer: int = -1) -> BinaryIO:
    """Open a file for reading, `buffer` bytes at once, without waiting for anybody.

    Raises:
        OSError: The file cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "it is not a regular file", str(path))
    return os.fdopen(descriptor, "rb", buffer)
