"""Find the runs whose journals differ from the state in which they were collected."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import header_of
from tracekit.store.rows import File, KnownRun

__all__ = ["Changes", "Due", "changes", "stamp"]

_SHARE = 10
"""A live run is read again after this many times as long as reading it took …"""

_GROWTH = 1 / 8
"""… or at once when it has grown by this part.

So however long it lives, reading it takes a tenth of the time at most, or nine times as long as reading it once at its
end.
"""


class Due(NamedTuple):
    """A run to be read, and its state in the store as `known`."""

    id: str
    recorded_at_ns: int
    files: Sequence[File]
    known: KnownRun | None


class Changes(NamedTuple):
    """The differences between disk and store. `due` is ordered, newest first; `waiting` is due a little later."""

    due: list[Due]
    gone: list[KnownRun]
    waiting: int


def stamp(found: Mapping[str, Sequence[File]], maker: str) -> str:
    """Return a digest of the state of all journals, as read by `maker`."""
    digest = blake2b(maker.encode(), digest_size=16)
    for files in found.values():
        for path, size, mtime_ns, inode in files:
            digest.update(f"{path} {size} {mtime_ns} {inode}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def changes(folder: Path, found: Mapping[str, Sequence[File]], known: Mapping[str, KnownRun], maker: str) -> Changes:
    """Compare the files `found` below `folder` with what the store knows, which rows by `maker` are up to date for."""
    due: list[Due] = []
    waiting = 0
    for id, files in found.items():
        run = known.get(id)
        if run is None:
            due.append(Due(id, _recorded_at_ns(folder, files), files, None))
        elif run.maker != maker or _died(folder, run):
            due.append(Due(id, run.recorded_at_ns, files, run))
        elif not run.files.issuperset(files) or len(run.files) != len(files):
            if run.alive and _is_early(run, files):
                waiting += 1
            else:
                due.append(Due(id, run.recorded_at_ns, files, run))
    due.sort(key=lambda each: (each.recorded_at_ns, each.id), reverse=True)
    return Changes(due, [run for id, run in known.items() if id not in found], waiting)


def _died(folder: Path, run: KnownRun) -> bool:
    return not all(is_alive(folder / path) for path in run.alive)


def _is_early(run: KnownRun, files: Sequence[File]) -> bool:
    """Return whether a live run was read so recently, and has grown so little, that it can wait."""
    since_s = (time.time_ns() - run.collected_at_ns) / 1e9
    before, now = sum(file.size for file in run.files), sum(file.size for file in files)
    return 0 <= since_s < _SHARE * run.took_s and len(files) == len(run.files) and now < before * (1 + _GROWTH)


def _recorded_at_ns(folder: Path, files: Sequence[File]) -> int:
    """Return when the run began to be recorded, by its headers, else when it was last written."""
    headers = [header_of(folder / file.path) for file in files]
    known = [header["recorded_at_ns"] for header in headers if header is not None]
    return min(known) if known else max(file.mtime_ns for file in files)
