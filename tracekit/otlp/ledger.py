"""The counts of an exporting process in a file: spans begun, and spans that a collector acknowledged.

A process that ends by a signal, `os._exit` or `multiprocessing`'s terminate sends nothing more, and says nothing. Its
file stays: the next reader counts the spans that were never sent. The file is locked as long as the process lives.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tracekit.errors import HomeError
from tracekit.origin import pass_on
from tracekit.system_clock import wall_ns

__all__ = ["Abandoned", "Ledger", "take_abandoned"]

_FOLDER = "otlp-open"
_COUNTS = "{:>12} {:>12}\n"
_COUNTS_BYTES = 26
_MOST_RUNS = 64
_numbers = count()


class Ledger:
    """The file of this process, in the folder `home`. If the disk refuses it, only the count is lost."""

    def __init__(self, home: Callable[[], Path], endpoint: str) -> None:
        self._home = home
        self._endpoint = endpoint
        self._reset()

    def _reset(self) -> None:
        self._file = -1
        self._path: Path | None = None
        self._has_failed = False
        self._begun = 0
        self._sent = 0
        self.runs: list[str] = []
        """The ids of the runs whose spans are counted, the first `_MOST_RUNS` of them."""

    def began(self, run: str) -> None:
        """A span of `run` begins. Callers take turns."""
        self._begun += 1
        if self._file < 0 and not self._has_failed:
            self._has_failed = not self._create()
        self._write_counts()
        if run not in self.runs[-1:] and len(self.runs) < _MOST_RUNS and run not in self.runs:
            self.runs.append(run)
            self._append(run)

    def sent(self, number: int) -> None:
        """A collector has acknowledged `number` spans."""
        self._sent += number
        self._write_counts()

    def close(self) -> None:
        """The process ends in good order, and tells itself of what was lost."""
        self._has_failed = True
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._let_go()

    def forked(self) -> None:
        """This process is a fresh fork: the file is the parent's."""
        self._let_go()
        self._reset()

    def _let_go(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _create(self) -> bool:
        """Make the file; it has its name once it is locked, so that nobody takes it for abandoned."""
        try:
            folder = self._home() / _FOLDER
            path = folder / f"{os.getpid()}-{wall_ns()}-{next(_numbers)}"
            draft = path.with_suffix(".new")
            folder.mkdir(mode=0o700, exist_ok=True)
            self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            head = {"t": wall_ns(), "pid": os.getpid(), "endpoint": self._endpoint}
            os.write(self._file, (_COUNTS.format(0, 0) + json.dumps(head) + "\n").encode())
            draft.rename(path)
        except (OSError, HomeError) as error:
            pass_on(error)
            self._let_go()
            return False
        self._path = path
        return True

    def _write_counts(self) -> None:
        if self._file >= 0:
            try:
                os.pwrite(self._file, _COUNTS.format(self._begun, self._sent).encode(), 0)
            except OSError as error:
                pass_on(error)

    def _append(self, run: str) -> None:
        if self._file >= 0:
            try:
                os.lseek(self._file, 0, os.SEEK_END)
                os.write(self._file, f"{run}\n".encode())
            except OSError as error:
                pass_on(error)


class Abandoned(NamedTuple):
    """The account of a process that ended without a word: `lost` spans of `runs` were never sent to `endpoint`."""

    pid: int
    began_ns: int
    endpoint: str
    lost: int
    runs: tuple[str, ...]


def take_abandoned(folder: Path) -> Iterator[Abandoned]:
    """Read and remove the files of processes that have ended; of each one, only one caller gets it."""
    try:
        names = sorted(each.name for each in os.scandir(folder / _FOLDER) if each.is_file(follow_symlinks=False))
    except OSError:
        return
    for name in names:
        found = None if name.endswith(".new") else _taken(folder / _FOLDER / name)
        if found is not None and found.lost > 0:
            yield found


def _taken(path: Path) -> Abandoned | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        text = os.read(file, 64_000).decode("utf-8", "replace")
        path.unlink()
    except OSError:
        # Its process lives, or somebody else takes it.
        return None
    finally:
        os.close(file)
    return _read(text)


def _read(text: str) -> Abandoned | None:
    """The account in a file's `text`; None where it is none."""
    lines = text[_COUNTS_BYTES:].splitlines()
    try:
        begun, sent = (int(number) for number in text[:_COUNTS_BYTES].split())
        head = json.loads(lines[0])
        return Abandoned(
            int(head["pid"]),
            int(head["t"]),
            str(head["endpoint"]),
            max(0, begun - sent),
            tuple(lines[1 : _MOST_RUNS + 1]),
        )
    except (ValueError, LookupError, TypeError):
        return None
