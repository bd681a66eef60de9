"""Write the runs of a store to a lake: a few files for each day and source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from tracekit.model.summary import OWN_SOURCE
from tracekit.store.connect import memory, quoted
from tracekit.store.lake.lake import LAKE_TABLES, Lake, RunVersions, day_folder
from tracekit.store.schema import JOURNALS, RUNS, SEGMENTS, SPANS
from tracekit.store.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["LakeReport", "write_lake"]

_MEMORY = "1GiB"
_BATCH_SPANS = 200_000
"""Spans after which a batch ends: the collector waits for as long as one is read."""

_ABSENT = RunVersions(0, frozenset())


@dataclass(slots=True)
class LakeReport:
    """The result of writing: runs and spans that were added, and runs that the lake had already."""

    runs: int = 0
    spans: int = 0
    had: int = 0


@dataclass(frozen=True, slots=True)
class _Stored:
    """A run in the store. `copy` is the number of its rows there."""

    copy: int
    id: str
    day: str
    source: str
    spans: int
    fingerprint: str


def write_lake(
    store: Store, lake: Lake, host: str, pid: int, *, progress: Callable[[int, int], None] | None = None
) -> LakeReport:
    """Write the runs of `store` that `lake` has not, or not as they are now.

    Args:
        store: A store that is up to date.
        lake: Is made where there is none.
        host: The name of this machine, of letters, digits and hyphens.
        pid: The id of this process.
        progress: Is told the number of runs done, and of all.

    Raises:
        LakeError: The lake cannot be written or read.
        StoreError: The store cannot be read.
    """
    lake.folder.open_for_writing()
    report = LakeReport()
    with closing(memory(_MEMORY, beside=store.path)) as own:
        with store.reading(own) as connection:
            stored = _stored(connection)
        known = lake.versions({run.day for run in stored})
        due = [run for run in stored if run.fingerprint not in known.get(run.id, _ABSENT).fingerprints]
        report.had = len(stored) - len(due)
        for batch in _batches(due):
            written = _LakeBatch(batch, known, host, pid)
            with lake.folder.drafts(written.name) as folder:
                with store.reading(own) as connection:
                    rows = written.draft(connection, folder)
                for table in LAKE_TABLES:
                    if rows[table]:
                        lake.folder.put(folder / f"{table}.parquet", written.file(table))
            report.runs, report.spans = report.runs + rows[RUNS], report.spans + rows[SPANS]
            if progress is not None:
                progress(report.runs, len(due))
    return report


def _stored(store: DuckDBPyConnection) -> list[_Stored]:
    """Return the runs in the store, by day and source."""
    files: dict[str, list[str]] = {}
    segments = store.execute(f"SELECT run, path, size FROM {SEGMENTS} ORDER BY ALL").fetchall()  # noqa: S608  our own
    for run, path, size in segments:
        files.setdefault(run, []).append(f"{path} {size}")
    rows = store.execute(
        "SELECT copy, r.id, r.recorded_at_ns, r.source, r.status, r.spans, j.maker, j.run "  # noqa: S608  our own names
        f"FROM {RUNS} r JOIN {JOURNALS} j USING (copy)"
    ).fetchall()
    found = []
    for copy, id, recorded_at_ns, source, status, spans, maker, run in rows:
        said = "\n".join([maker, status, *files.get(run, ())])
        found.append(_Stored(copy, id, _day(recorded_at_ns), _partition(source), spans, _digest(said)))
    return sorted(found, key=lambda run: (run.day, run.source, run.id))


def _day(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d")


def _partition(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", source) or OWN_SOURCE


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _batches(runs: Iterable[_Stored]) -> Iterator[list[_Stored]]:
    """Yield runs of one day and source together, at most `_BATCH_SPANS` spans or one run."""
    for _, alike in groupby(runs, key=lambda run: (run.day, run.source)):
        batch: list[_Stored] = []
        spans = 0
        for run in alike:
            if batch and spans + run.spans > _BATCH_SPANS:
                yield batch
                batch, spans = [], 0
            batch.append(run)
            spans += run.spans
        yield batch


class _LakeBatch:
    """Runs that are written together.

    Names and the ids of copies derive from the content. So the same process, or another one of the same name, writes the
    same rows into the same files.
    """

    def __init__(self, runs: list[_Stored], known: dict[str, RunVersions], host: str, pid: int) -> None:
        content = _digest("\n".join(f"{run.id} {run.fingerprint}" for run in runs))
        self.name = f"{host}.{pid}.{content}"
        self._first = runs[0]
        self._picked = [
            (
                run.copy,
                UUID(_digest(f"{self.name} {run.id}")),
                known.get(run.id, _ABSENT).version + 1,
                run.fingerprint,
                host,
            )
            for run in runs
        ]

    def file(self, table: str) -> str:
        """Return the name of the batch's file of a table."""
        return f"{day_folder(table, self._first.day)}/source={self._first.source}/{self.name}.parquet"

    def draft(self, connection: DuckDBPyConnection, folder: Path) -> dict[str, int]:
        """Write a file of each table to `folder`, and return the numbers of their rows.

        Runs that the store has replaced since have no rows: their new rows are written the next time.
        """
        connection.execute(
            "CREATE OR REPLACE TABLE memory.picked "
            "(stored BIGINT, copy UUID, version BIGINT, fingerprint VARCHAR, host VARCHAR)"
        )
        connection.executemany("INSERT INTO memory.picked VALUES (?, ?, ?, ?, ?)", self._picked)
        counts = {}
        for table in LAKE_TABLES:
            more = "p.version, p.fingerprint, p.host, " if table == RUNS else ""
            path = quoted(folder / f"{table}.parquet")
            row = connection.execute(
                f"COPY (SELECT p.copy, {more}t.* EXCLUDE (copy) FROM {table} t "  # noqa: S608  our own names
                f"JOIN memory.picked p ON t.copy = p.stored) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
            counts[table] = int(row[0]) if row else 0
        return counts
