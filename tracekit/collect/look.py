"""Look at runs by the faster way: their journals, or the store, which is brought up to date first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tracekit.analysis.structure import structure
from tracekit.collect.collect import Progress, collect
from tracekit.collect.scan import scan
from tracekit.errors import JournalError, StoreBusyError, StoreError
from tracekit.formatting import format_count
from tracekit.journal.catalog import NEWEST, Entry, all_runs, find_run, is_recorded
from tracekit.journal.files import unreadable
from tracekit.journal.home import home, runs_folder
from tracekit.journal.reader import load_header, read_run
from tracekit.model.finding import Finding
from tracekit.model.garbage import without_garbage_collection
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Run, RunTree
from tracekit.rules.default import count_likely, default_findings
from tracekit.store import queries
from tracekit.store.rows import File
from tracekit.store.store import Store

__all__ = ["Listing", "damage_in", "find", "list_runs", "read_entry", "tree_with_findings", "up_to_date"]

_FEW_FILES = 500
_SMALL_BYTES = 1_000_000
_BUDGET_S = 1.0
_PATIENCE_S = 0.5


class Listing(NamedTuple):
    """Runs, and messages for the user."""

    runs: list[RunSummary]
    warnings: list[str]


def list_runs(
    limit: int | None, *, replays: bool = False, found: Mapping[str, Sequence[File]] | None = None
) -> Listing:
    """Return the newest `limit` runs, or without a limit all of the store; with `replays` also replays.

    `found` are the journals, if just looked for.

    Raises:
        HomeError: The folder for journals is a file.
    """
    found = scan(runs_folder()) if found is None else found
    listing = _listed(limit, found, replays=replays)
    return listing._replace(warnings=list(dict.fromkeys([*unreadable(), *listing.warnings])))


def _listed(limit: int | None, found: Mapping[str, Sequence[File]], *, replays: bool) -> Listing:
    if _is_little(found, limit):
        return _from_journals(limit, replays=replays)
    try:
        warnings = up_to_date(found=found, needed=limit or 0, budget_s=_BUDGET_S)
        with Store(home()).reading() as store:
            runs = queries.newest_runs(store, limit, replays=replays)
            warnings += [f"run {id[:8]} is left out: {problem}" for id, problem in queries.problems(store)]
            warnings += [f"{path}: {said}" for path, said in queries.damage_of(store, [run.id for run in runs])]
    except StoreError as error:
        listing = _from_journals(limit, replays=replays)
        return listing._replace(warnings=[f"{error}; the journals are read instead", *listing.warnings])
    return Listing(runs, warnings)


def up_to_date(
    *,
    found: Mapping[str, Sequence[File]] | None = None,
    needed: int = 0,
    budget_s: float | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Collect, unless another process does; return messages for the user. The arguments are those of `collect`.

    Raises:
        HomeError: There is no folder for journals.
        StoreError: The store cannot be used.
    """
    try:
        report = collect(found=found, needed=needed, budget_s=budget_s, patience_s=_PATIENCE_S, progress=progress)
    except StoreBusyError:
        return [f"a long query is using the store; the data shown is from {_as_of(Store(home()))}"]
    if report is None:
        return [f"another tracekit process is collecting; the data shown is from {_as_of(Store(home()))}"]
    if report.left:
        return [*report.warnings, f"not collected yet: {format_count(report.left, 'run')}; `tracekit collect` does it"]
    return report.warnings


def _as_of(store: Store) -> str:
    with store.reading() as connection:
        written = queries.written_at_ns(connection)
    return datetime.fromtimestamp(written / 1e9).astimezone().strftime("%H:%M:%S")


def _is_little(found: Mapping[str, Sequence[File]], limit: int | None) -> bool:
    """Return whether the newest journals are read faster than DuckDB is loaded and queried."""
    if sum(map(len, found.values())) > _FEW_FILES:
        return False
    newest = sorted(found.values(), key=lambda files: max(file.mtime_ns for file in files), reverse=True)[:limit]
    return sum(file.size for files in newest for file in files) < _SMALL_BYTES


def _from_journals(limit: int | None, *, replays: bool) -> Listing:
    runs: list[RunSummary] = []
    warnings: list[str] = []
    for entry in all_runs(limit, warnings) if replays else all_runs(limit, warnings, wanted=is_recorded):
        try:
            run = read_entry(entry)
        except JournalError as error:
            warnings.append(f"run {entry.id[:8]} is left out: {error}")
            continue
        runs.append(summary_of(run, count_likely(default_findings(run))))
        warnings += damage_in(run)
    return Listing(runs, warnings)


# ── one run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def find(text: str) -> Entry:
    """The run that `text` means, as `tracekit.journal.catalog.find_run` says.

    Where there are many runs, the store knows their names, which else stand in the journals alone.

    Raises:
        RunNotFoundError: It means none.
        AmbiguousRunError: It is a prefix of several ids.
        JournalError: It is an id, and its journal is damaged or of a newer version.
        HomeError: The folder for journals is a file.
    """
    if text in NEWEST or os.sep in text or text.endswith(".jsonl"):
        return find_run(text)
    found = scan(runs_folder())
    if sum(map(len, found.values())) > _FEW_FILES:
        id = _id_by_store(text, found)
        if id is not None:
            paths = tuple(runs_folder() / file.path for file in found[id])
            headers = [load_header(path) for path in paths]
            first = min(headers, key=lambda header: int(header["recorded_at_ns"]))
            is_replay = any(header.get("replay_of") for header in headers)
            return Entry(first["run"], first["name"], first["recorded_at_ns"], paths, is_replay)
    return find_run(text)


def _id_by_store(text: str, found: Mapping[str, Sequence[File]]) -> str | None:
    """Return the id of the only run that matches `text`, or None."""
    try:
        up_to_date(found=found, budget_s=_BUDGET_S)
        with Store(home()).reading() as store:
            named = queries.run_named(store, text)
    except StoreError:
        return None
    if named is not None:
        return named if named in found else None
    matching = [text] if text in found else [id for id in found if text and id.startswith(text)]
    return matching[0] if len(matching) == 1 else None


def tree_with_findings(entry: Entry) -> tuple[RunTree, list[Finding]]:
    """Return the structure of the run of `entry`, and its findings by the default settings.

    A large run comes from the store, which is sooner read, and which has no requests and answers.

    Raises:
        JournalError: Its journal cannot be read.
    """
    stored = _stored(entry)
    if stored is not None:
        return stored
    run = read_entry(entry)
    return run, default_findings(run)


def _stored(entry: Entry) -> tuple[RunTree, list[Finding]] | None:
    """Return the stored tree and findings of `entry` where that is faster, else None."""
    files = _files(entry.paths)
    if sum(file.size for file in files) <= 2 * _SMALL_BYTES:
        return None
    id = files[0].path.rpartition("/")[2].partition(".")[0]
    try:
        with Store(home()).reading() as store:
            run = queries.stored_run(store, id, files)
            return None if run is None else (run, queries.findings_in(store, id))
    except StoreError:
        return None


def _files(paths: Sequence[Path]) -> list[File]:
    """The files of a run as they lie under the folder for journals; none if they do not."""
    folder, files = runs_folder(), []
    for path in paths:
        if path.parent.parent != folder:
            return []
        try:
            stat = path.stat()
        except OSError:
            return []
        files.append(File(f"{path.parent.name}/{path.name}", stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return files


def read_entry(entry: Entry) -> Run:
    """The run of `entry` with its requests and answers, from its journals.

    Raises:
        JournalError: They cannot be read.
    """
    with without_garbage_collection():
        return structure(read_run(entry.paths))


def damage_in(run: RunTree) -> list[str]:
    """Return the unreadable parts of the journals of `run`, a line each."""
    return [f"{path}: {said}" for path, said in run.damage]
