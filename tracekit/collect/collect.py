"""Bring the store up to date with the journals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from tracekit.analysis.structure import structure
from tracekit.collect.changes import Changes, Due, changes, stamp
from tracekit.collect.filling import Filling, left_out
from tracekit.collect.rows import rows_of
from tracekit.collect.scan import scan
from tracekit.errors import JournalError, StoreError
from tracekit.journal.home import make_home, runs_folder
from tracekit.journal.reader import read_run
from tracekit.model.garbage import without_garbage_collection
from tracekit.store.locks import PATIENCE_S
from tracekit.store.queries import known_runs
from tracekit.store.queries import stamp as stored_stamp
from tracekit.store.rows import File, KnownRun, RunRows
from tracekit.store.store import Store
from tracekit.store.writer import Writer

__all__ = ["RULES", "Progress", "Report", "collect", "collect_into", "maker", "rebuild"]

RULES = "4"
"""The version of the rules by which trees and rows are made. Raise it when they change: all rows are made anew."""

Progress = Callable[[int, int], None]
"""Called with the number of runs done and the number of all."""


@dataclass(slots=True)
class Report:
    """The result of collecting.

    `left` is the number of runs still to be read for want of time; `waiting`, of those that are being written and were
    read a moment ago. `warnings` are messages for the user: a damaged store, runs that cannot be read.
    """

    collected: int = 0
    removed: int = 0
    left: int = 0
    waiting: int = 0
    spans: int = 0
    longest_hold_s: float = 0.0
    warnings: list[str] = field(default_factory=list)


def maker() -> str:
    """Return the version of the rules and prices by which rows are made; rows of another one are made anew."""
    return f"{RULES}, genai-prices {_version('genai-prices')}"


_version = cache(version)


def collect(
    *,
    found: Mapping[str, Sequence[File]] | None = None,
    needed: int = 0,
    budget_s: float | None = None,
    patience_s: float = PATIENCE_S,
    progress: Progress | None = None,
) -> Report | None:
    """Read the runs that changed, newest first, into the store.

    Args:
        found: The journals on the disk, where they have just been looked for.
        needed: How many of the newest runs are to be there however long it takes.
        budget_s: Seconds after which no other run is begun; None for no limit.
        patience_s: How long to wait for those who read the store.
        progress: Is told how far it is.

    Returns:
        What was done; None if another process collects.

    Raises:
        HomeError: There is no folder for journals.
        StoreBusyError: Somebody read the store all that time.
        StoreError: The store cannot be used.
    """
    until = time.monotonic() + budget_s if budget_s is not None else float("inf")
    store = Store(make_home())
    store.patience_s = patience_s
    with store.locks.collecting() as is_ours:
        if not is_ours:
            return None
        return collect_into(store, scan(runs_folder()) if found is None else found, needed, until, progress)


def collect_into(
    store: Store,
    found: Mapping[str, Sequence[File]],
    needed: int = 0,
    until: float = float("inf"),
    progress: Progress | None = None,
) -> Report:
    """Collect into `store`, with the collector's lock held. `until` is on the monotonic clock."""
    report = Report()
    if not found and not store.exists:
        return report
    now = stamp(found, maker())
    known = _known(store, now, report)
    if known is None:
        return report
    todo = changes(runs_folder(), found, known, maker())
    report.waiting = todo.waiting
    if todo.due or todo.gone:
        due = {each.id for each in todo.due}
        is_still = not todo.waiting and not any(run.alive for id, run in known.items() if id not in due)
        _write(store, todo, _must(todo, known, needed), until, progress, report, now if is_still else "")
    return report


def _known(store: Store, now: str, report: Report) -> dict[str, KnownRun] | None:
    """Return the runs that the store has, or None if it is up to date with `now`.

    A store that is missing, older or damaged is made, upgraded or moved aside first.
    """
    try:
        with store.reading() as connection:
            return None if stored_stamp(connection) == now else known_runs(connection)
    except StoreError:
        if said := store.prepare():
            report.warnings.append(said)
    with store.reading() as connection:
        return known_runs(connection)


def rebuild(progress: Progress | None = None) -> Report | None:
    """Make the store anew from all journals, beside the old one, which answers until the new one takes its place.

    Returns:
        What was done; None if another process collects.

    Raises:
        HomeError: There is no folder for journals.
        StoreError: A store cannot be made.
    """
    store = Store(make_home())
    with store.locks.collecting() as is_ours:
        if not is_ours:
            return None
        report = Report()
        fresh = store.fresh()
        try:
            fresh.prepare()
            todo = changes(runs_folder(), scan(runs_folder()), {}, maker())
            _write(fresh, todo, len(todo.due), float("inf"), progress, report, "")
            fresh.settle()
            store.replace(fresh)
        finally:
            fresh.remove()
    return report


def _must(todo: Changes, known: Mapping[str, KnownRun], needed: int) -> int:
    """Return the number of due runs among the `needed` newest of all."""
    ids = {due.id for due in todo.due}
    stamps = [run.recorded_at_ns for id, run in known.items() if id not in ids and run.copy is not None]
    stamps += [due.recorded_at_ns for due in todo.due]
    oldest = sorted(stamps, reverse=True)[:needed][-1:]
    return sum(due.recorded_at_ns >= oldest[0] for due in todo.due) if oldest else 0


def _write(
    store: Store, todo: Changes, must: int, until: float, progress: Progress | None, report: Report, now: str
) -> None:
    """Read the runs that are due into the store.

    `now` is the stamp that the store gets if nothing is left to do and nobody writes; else empty.
    """
    with Writer(store) as writer:
        for run in todo.gone:
            writer.remove(run)
        writer.flush()
        report.removed = len(todo.gone)
        filling = Filling(writer, maker(), partial(_read, runs_folder()))
        for number, due in enumerate(todo.due):
            if number >= must and time.monotonic() > until:
                report.left += len(todo.due) - number
                break
            filling.take(due)
            if progress is not None:
                progress(number + 1, len(todo.due))
        writer.settled("" if report.left or filling.alive else now)
        filling.finish()
        report.collected, report.spans = filling.runs, filling.spans
        report.warnings += [f"run {id[:8]} is left out: {problem}" for id, problem in filling.problems.items()]
    report.longest_hold_s = writer.longest_hold_s


@without_garbage_collection()
def _read(folder: Path, due: Due) -> RunRows | None:
    """The rows of a run; None if its journals are gone."""
    began = time.monotonic()
    paths = {str(folder / file.path): file.path for file in due.files}
    try:
        run = structure(read_run(map(Path, paths)))
        alive = [paths[segment.path] for segment in run.recording.segments if segment.alive and segment.path in paths]
        return rows_of(due.id, run, due.files, alive, maker(), began)
    except Exception as error:  # noqa: BLE001  one run that nobody can make sense of must not keep out all others
        if isinstance(error, JournalError) and not any(map(_is_there, paths)):
            return None
        return left_out(due, maker(), error)


def _is_there(path: str) -> bool:
    return Path(path).exists()
