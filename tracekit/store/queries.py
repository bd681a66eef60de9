"""The queries that tracekit itself makes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from tracekit.model.columns import columns_of
from tracekit.model.events import Unrecorded
from tracekit.model.finding import Finding
from tracekit.model.summary import RunSummary
from tracekit.model.tree import RunTree
from tracekit.store.filter import RunFilter
from tracekit.store.rows import File, FindingRow, JournalRow, KnownRun, PracticeRow, SegmentRow
from tracekit.store.schema import FINDINGS, JOURNALS, PRACTICES, RUNS, SEGMENTS, SPANS
from tracekit.store.span_row import SpanRow, tree_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "count_runs",
    "damage_of",
    "findings_in",
    "known_runs",
    "last_times",
    "newest_runs",
    "practices_of",
    "problems",
    "run_named",
    "stamp",
    "stored_run",
    "written_at_ns",
]

T = TypeVar("T")


def known_runs(store: DuckDBPyConnection) -> dict[str, KnownRun]:
    """Return the state of each run's journals in the store, by run."""
    files: dict[str, list[SegmentRow]] = {}
    for segment in _rows(store, SEGMENTS, SegmentRow):
        files.setdefault(segment.run, []).append(segment)
    return {
        journal.run: KnownRun(
            journal.run,
            journal.copy,
            journal.maker,
            journal.recorded_at_ns,
            journal.collected_at_ns,
            journal.took_s,
            frozenset(each.path for each in files.get(journal.run, ()) if each.alive),
            frozenset(each.file for each in files.get(journal.run, ())),
            journal.problem,
        )
        for journal in _rows(store, JOURNALS, JournalRow)
    }


def _rows(store: DuckDBPyConnection, source: str, cls: type[T], values: Sequence[object] = ()) -> list[T]:
    """Return the rows of `source`: a table, whose rows are of `cls`, and what stands after FROM besides it."""
    names = ", ".join(column.name for column in columns_of(cls))
    found = store.execute(f"SELECT {names} FROM {source}", list(values)).fetchall()  # noqa: S608  our own names
    return [cls(*row) for row in found]


def newest_runs(
    store: DuckDBPyConnection, limit: int | None = None, *, replays: bool = True, wanted: RunFilter | None = None
) -> list[RunSummary]:
    """Return the runs that are `wanted`, newest recorded first, with `replays` or without; at most `limit` of them."""
    wanted = wanted or RunFilter()
    source = f"{RUNS} r WHERE {_which(wanted, replays=replays)} ORDER BY recorded_at_ns DESC, id DESC"
    return _rows(store, source if limit is None else f"{source} LIMIT {int(limit)}", RunSummary, wanted.values)


def count_runs(store: DuckDBPyConnection, *, replays: bool, wanted: RunFilter) -> int:
    """Return the number of runs that are `wanted`, with `replays` or without."""
    query = f"SELECT count(*) FROM {RUNS} r WHERE {_which(wanted, replays=replays)}"  # noqa: S608  our own names
    return int(store.execute(query, wanted.values).fetchall()[0][0])


def _which(wanted: RunFilter, *, replays: bool) -> str:
    return wanted.sql if replays else f"r.replay_of IS NULL AND {wanted.sql}"


def problems(store: DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the runs that could not be read, with the reasons."""
    return store.execute("SELECT run, problem FROM journal WHERE problem <> '' ORDER BY run").fetchall()


def run_named(store: DuckDBPyConnection, name: str) -> str | None:
    """The id of the newest run called `name` that is no replay."""
    row = store.execute(
        "SELECT id FROM run WHERE name = ? AND replay_of IS NULL ORDER BY recorded_at_ns DESC, id DESC LIMIT 1", [name]
    ).fetchone()
    return None if row is None else str(row[0])


def last_times(store: DuckDBPyConnection) -> dict[str, int]:
    """Return the latest known time of each run in nanoseconds, by the id in its file names."""
    return dict(
        store.execute(
            "SELECT j.run, greatest(r.recorded_at_ns, r.last_ns) FROM journal j JOIN run r USING (copy)"
        ).fetchall()
    )


def damage_of(store: DuckDBPyConnection, ids: Iterable[str]) -> list[tuple[str, str]]:
    """The files of the runs `ids` that are damaged, and how."""
    query = (
        "SELECT damage FROM journal JOIN run USING (copy) WHERE damage <> '[]' AND id IN (SELECT unnest(?::VARCHAR[]))"
    )
    return [(path, said) for (told,) in store.execute(query, [list(ids)]).fetchall() for path, said in json.loads(told)]


def stamp(store: DuckDBPyConnection) -> str:
    """Return the stamp of the journals in the store; empty if the store is not up to date."""
    row = store.execute("SELECT value FROM meta WHERE name = 'stamp'").fetchone()
    return "" if row is None else str(row[0])


def written_at_ns(store: DuckDBPyConnection) -> int:
    """Return the time of the last write in nanoseconds since the epoch; 0 for an empty store."""
    row = store.execute("SELECT value FROM meta WHERE name = 'written_at_ns'").fetchone()
    return 0 if row is None else int(row[0])


def stored_run(store: DuckDBPyConnection, id: str, files: Iterable[File]) -> RunTree | None:
    """Return the tree of the run `id` as its journal would give it.

    None if the store does not have it, or has it as of other `files` than these, or not to the last character.
    """
    journal = next(iter(_rows(store, f"{JOURNALS} WHERE run = ?", JournalRow, [id])), None)
    if journal is None or journal.copy is None or not journal.exact:
        return None
    known = _rows(store, f"{SEGMENTS} WHERE run = ?", SegmentRow, [id])
    if any(each.alive for each in known) or {each.file for each in known} != set(files):
        return None
    run = next(iter(_rows(store, f"{RUNS} WHERE copy = ?", RunSummary, [journal.copy])), None)
    if run is None:
        return None
    rows = _rows(store, f"{SPANS} WHERE copy = ? ORDER BY position", SpanRow, [journal.copy])
    return RunTree(
        run.id,
        run.name,
        run.recorded_at_ns,
        run.status,
        tree_of(rows),
        run.last_ns,
        run.replay_of,
        run.replay,
        run.source,
        tuple(Unrecorded(*each) for each in json.loads(journal.unrecorded or "[]")),
        tuple((path, said) for path, said in json.loads(journal.damage)),
        {row.id: tuple(json.loads(row.requested)) for row in rows if row.requested is not None},
    )


def findings_in(store: DuckDBPyConnection, id: str) -> list[Finding]:
    """The findings of the run whose journals are those of `id`, as they were when it was collected."""
    source = f"{FINDINGS} WHERE copy = (SELECT copy FROM {JOURNALS} WHERE run = ?) ORDER BY rowid"  # noqa: S608  our own
    return [
        Finding(
            code=row.code,
            rule=row.rule,
            confidence=row.confidence,
            message=row.message,
            evidence=tuple(json.loads(row.evidence)),
            spans=tuple(json.loads(row.spans)),
            saved_ms=row.saved_ms,
            saved_usd=row.saved_usd,
            remedy=row.remedy,
        )
        for row in _rows(store, source, FindingRow, [id])
    ]


def practices_of(
    store: DuckDBPyConnection, agent: str, prompt: str, *, before_ns: int, without: Iterable[str], most: int
) -> list[PracticeRow]:
    """The use that an agent made of its tools in the newest `most` runs recorded before `before_ns`, newest first.

    Replays are no runs of the agent, nor are the runs `without`.
    """
    source = (
        f"(SELECT practice.*, r.recorded_at_ns, r.id FROM {PRACTICES} JOIN {RUNS} r USING (copy) "  # noqa: S608  our own
        "WHERE agent = ? AND prompt = ? "
        "AND r.replay_of IS NULL AND r.recorded_at_ns < ? AND r.id NOT IN (SELECT unnest(?::VARCHAR[]))) "
        "ORDER BY recorded_at_ns DESC, id DESC LIMIT ?"
    )
    return _rows(store, source, PracticeRow, [agent, prompt, before_ns, list(without), most])
