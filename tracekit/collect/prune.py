"""Remove old runs: their journals, and their rows in the store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tracekit.collect.collect import collect_into
from tracekit.collect.scan import scan
from tracekit.errors import StoreBusyError
from tracekit.journal.home import make_home, received_folder, received_path, runs_folder
from tracekit.journal.imported import imported_headers
from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import header_of
from tracekit.store.queries import last_times
from tracekit.store.rows import File
from tracekit.store.store import Store

__all__ = ["KEEP_BYTES", "KEEP_DAYS", "PruneReport", "Pruned", "prune"]

KEEP_DAYS = 30
KEEP_BYTES = 2_000_000_000
"""Bytes of journals and store that are kept by default."""

_MOST_ROUNDS = 8
_EMPTY_STORE = 2_000_000
"""Bytes of a store that is nearly empty."""

_PATIENCE_S = 30.0

_SPANS = "otlp."
"""In the name of a journal, after the run: the spans from which it was made were received."""


class Pruned(NamedTuple):
    """A run that is old enough to go."""

    id: str
    last_ns: int
    files: Sequence[File]

    @property
    def size(self) -> int:
        """The size of its journals in bytes."""
        return sum(file.size for file in self.files)


@dataclass(slots=True)
class PruneReport:
    """The runs that were removed, or would be; `still_open` runs were kept though they are old."""

    removed: list[Pruned] = field(default_factory=list)
    still_open: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def prune(older_than: timedelta | None = None, max_bytes: int | None = None, *, dry_run: bool = False) -> PruneReport:
    """Remove the runs that ended longer than `older_than` ago, then the oldest until journals and store fit `max_bytes`.

    A run that is being written is kept, whatever its age.

    Raises:
        HomeError: There is no folder for journals.
        StoreError: The store cannot be used.
    """
    store = Store(make_home())
    report = PruneReport()
    with store.locks.collecting(_PATIENCE_S) as is_ours:
        if not is_ours:
            raise StoreBusyError(
                "another tracekit process has been collecting for long: try again later, or end that process"
            )
        collect_into(store, scan(runs_folder()))
        runs, report.bytes_before = _by_age(store)
        report.bytes_after = report.bytes_before
        if max_bytes is not None and report.bytes_before > max_bytes and not dry_run and store.exists:
            # Its own slack is not to cost a run.
            store.compact()
            runs, report.bytes_after = _by_age(store)
        for _ in range(_MOST_ROUNDS):
            old, report.still_open = _too_old(runs, report.bytes_after, store.size, older_than, max_bytes)
            if dry_run:
                report.removed = old
                break
            removed = [run for run in old if _unlink(run)]
            if not removed:
                break
            report.removed += removed
            if store.exists:
                store.compact(without=[run.id for run in removed])
            runs, report.bytes_after = _by_age(store)
        if older_than is not None and not dry_run:
            _remove_unused_spans(time.time_ns() - int(older_than.total_seconds() * 1e9))
        _remove_empty_days(runs_folder())
    return report


def _by_age(store: Store) -> tuple[list[Pruned], int]:
    """Return every run on the disk, the oldest first, and the bytes of all, with the store."""
    found = scan(runs_folder())
    known: Mapping[str, int] = {}
    if store.exists:
        with store.reading() as connection:
            known = last_times(connection)
    runs = [
        Pruned(id, known.get(id, max(file.mtime_ns for file in files)), [*files, *_received(files)])
        for id, files in found.items()
    ]
    return sorted(runs, key=lambda run: (run.last_ns, run.id)), sum(run.size for run in runs) + store.size


def _received(journals: Sequence[File]) -> list[File]:
    """Return the files with the spans from which `journals` were made."""
    found = []
    for journal in journals:
        # A process writes no such name: its journal has the number of the process.
        if not Path(journal.path).name.partition(".")[2].startswith(_SPANS):
            continue
        header = header_of(runs_folder() / journal.path)
        source = header.get("source") if header is not None else None
        path = received_path(str((source or {}).get("session")))
        if path.is_file():
            stat = path.stat()
            relative = Path("..") / path.relative_to(runs_folder().parent)
            found.append(File(str(relative), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return found


def _remove_unused_spans(before_ns: int) -> None:
    """Remove the spans of traces that are no runs, and that nothing was added to since `before_ns`."""
    used = {(header.get("source") or {}).get("session") for _, header in imported_headers(_SPANS.partition(".")[0])}
    for path in received_folder().glob("??/*.jsonl"):
        with suppress(FileNotFoundError):
            if path.stem not in used and path.stat().st_mtime_ns < before_ns:
                path.unlink()


def _too_old(
    runs: list[Pruned], total: int, store_size: int, older_than: timedelta | None, max_bytes: int | None
) -> tuple[list[Pruned], int]:
    """The runs that are to go, and how many are kept only because they are open."""
    before_ns = 0 if older_than is None else time.time_ns() - int(older_than.total_seconds() * 1e9)
    journals = sum(run.size for run in runs) or 1
    # What the store has of a run is taken to be in proportion to its journals; if that is not so, another round follows.
    share = 1 + max(0, store_size - _EMPTY_STORE) / journals
    old, still_open = [], 0
    for run in runs:
        if run.last_ns >= before_ns and (max_bytes is None or total <= max_bytes):
            break
        if _is_open(run):
            still_open += 1
            continue
        old.append(run)
        total -= int(run.size * share)
    return old, still_open


def _is_open(run: Pruned) -> bool:
    return any(is_alive(runs_folder() / file.path) for file in run.files)


def _unlink(run: Pruned) -> bool:
    """Remove a run's journals, unless one of them was written since it was looked at."""
    paths = [runs_folder() / file.path for file in run.files]
    for path, file in zip(paths, run.files, strict=True):
        if not path.exists() or path.stat().st_mtime_ns != file.mtime_ns or is_alive(path):
            return False
    for path in paths:
        path.unlink(missing_ok=True)
    return True


def _remove_empty_days(folder: Path) -> None:
    """Remove folders of days on which no writer can be about to begin a segment."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    for day in folder.glob("????-??-??"):
        if day.name < yesterday:
            try:
                day.rmdir()
            except OSError:
                continue
