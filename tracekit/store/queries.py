"""The queries that tracekit itself makes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from tracekit.model.events import Failure, Kind
from tracekit.model.finding import Confidence, Finding
from tracekit.model.recording import Recording, Segment
from tracekit.model.summary import RunSummary
from tracekit.model.tree import Node, Run, Status, Tokens
from tracekit.store.rows import File, KnownRun, PracticeRow, SpanRow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
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


def known_runs(store: DuckDBPyConnection) -> dict[str, KnownRun]:
    """Return the state of each run's journals in the store, by run."""
    files: dict[str, list[File]] = {}
    alive: dict[str, list[str]] = {}
    for run, path, size, mtime_ns, inode, is_alive in store.execute(
        "SELECT run, path, size, mtime_ns, inode, alive FROM segment"
    ).fetchall():
        files.setdefault(run, []).append(File(path, size, mtime_ns, inode))
        if is_alive:
            alive.setdefault(run, []).append(path)
    rows = store.execute(
        "SELECT run, copy, maker, recorded_at_ns, collected_at_ns, took_s, problem FROM journal"
    ).fetchall()
    return {
        id: KnownRun(
            id,
            copy,
            maker,
            recorded_at_ns,
            collected_at_ns,
            took_s,
            frozenset(alive.get(id, ())),
            frozenset(files.get(id, ())),
            problem,
        )
        for id, copy, maker, recorded_at_ns, collected_at_ns, took_s, problem in rows
    }


_SUMMARY = (
    "id, name, recorded_at_ns, start_ns, end_ns, last_ns, status, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_tokens, cost_usd, cost_complete, agents, calls, retries, findings, replay_of, replay"
)


def newest_runs(store: DuckDBPyConnection, limit: int | None = None, *, replays: bool = True) -> list[RunSummary]:
    """The runs, newest recorded first, with `replays` or without; the first `limit` of them if that is given."""
    which = "" if replays else "WHERE replay_of IS NULL"
    query = f"SELECT {_SUMMARY} FROM run {which} ORDER BY recorded_at_ns DESC, id DESC"  # noqa: S608  our own names
    rows = store.execute(query if limit is None else f"{query} LIMIT {int(limit)}").fetchall()
    return [_summary(row) for row in rows]


def _summary(row: tuple[Any, ...]) -> RunSummary:
    return RunSummary(*[*row[:7], Tokens(*row[7:11]), *row[11:]])


def problems(store: DuckDBPyConnection) -> list[tuple[str, str]]:
    """The runs of which nothing could be read, and why."""
    return store.execute("SELECT run, problem FROM journal WHERE problem <> '' ORDER BY run").fetchall()


def run_named(store: DuckDBPyConnection, name: str) -> str | None:
    """The id of the newest run called `name` that is no replay."""
    row = store.execute(
        "SELECT id FROM run WHERE name = ? AND replay_of IS NULL ORDER BY recorded_at_ns DESC, id DESC LIMIT 1", [name]
    ).fetchone()
    return None if row is None else str(row[0])


def last_times(store: DuckDBPyConnection) -> dict[str, int]:
    """The latest time that is known of each run, in nanoseconds, by the id that its files bear."""
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


def stored_run(store: DuckDBPyConnection, id: str, files: Iterable[File]) -> Run | None:
    """The run `id` as its journal would give it, but for the exchanges.

    None if the store does not have it, or has it as of other `files` than these, or not to the last character; or if it
    was interrupted, for then only the exchanges tell how long it lasted.
    """
    row = store.execute("SELECT copy, exact, damage FROM journal WHERE run = ?", [id]).fetchone()
    if row is None or row[0] is None or not row[1]:
        return None
    copy, _, damage = row
    known = store.execute("SELECT path, size, mtime_ns, inode, alive FROM segment WHERE run = ?", [id]).fetchall()
    if any(alive for *_, alive in known) or {File(*file) for *file, _ in known} != set(files):
        return None
    summary = store.execute("SELECT name, recorded_at_ns, status FROM run WHERE copy = ?", [copy]).fetchone()
    if summary is None or summary[2] == "interrupted":
        return None
    columns = ", ".join(SpanRow._fields)
    rows = store.execute(f"SELECT {columns} FROM span WHERE copy = ? ORDER BY position", [copy]).fetchall()  # noqa: S608
    name, recorded_at_ns, status = summary
    segments = tuple(
        Segment(path, id, name, recorded_at_ns, "", 0, damage=(said,)) for path, said in json.loads(damage)
    )
    recording = Recording(id, name, recorded_at_ns, segments, {}, {}, {})
    return Run(id, name, recorded_at_ns, status, _tree([SpanRow(*row) for row in rows]), recording)


def findings_in(store: DuckDBPyConnection, id: str) -> list[Finding]:
    """The findings of the run whose journals are those of `id`, as they were when it was collected."""
    columns = "code, rule, confidence, message, evidence, spans, saved_ms, saved_usd, remedy"
    query = f"SELECT {columns} FROM finding JOIN journal USING (copy) WHERE run = ? ORDER BY finding.rowid"  # noqa: S608
    return [
        Finding(
            code,
            rule,
            cast("Confidence", confidence),
            message,
            tuple(json.loads(evidence)),
            tuple(json.loads(spans)),
            saved_ms,
            saved_usd,
            remedy,
        )
        for code, rule, confidence, message, evidence, spans, saved_ms, saved_usd, remedy in store.execute(
            query, [id]
        ).fetchall()
    ]


def practices_of(
    store: DuckDBPyConnection, agent: str, prompt: str, *, before_ns: int, without: Iterable[str], most: int
) -> list[PracticeRow]:
    """The use that an agent made of its tools in the newest `most` runs recorded before `before_ns`, newest first.

    Replays are no runs of the agent, nor are the runs `without`.
    """
    columns = ", ".join(PracticeRow._fields)
    query = (
        f"SELECT {columns} FROM practice JOIN run r USING (copy) WHERE agent = ? AND prompt = ? "  # noqa: S608  our own
        "AND r.replay_of IS NULL AND r.recorded_at_ns < ? AND r.id NOT IN (SELECT unnest(?::VARCHAR[])) "
        "ORDER BY r.recorded_at_ns DESC, r.id DESC LIMIT ?"
    )
    rows = store.execute(query, [agent, prompt, before_ns, list(without), most]).fetchall()
    return [PracticeRow(*row) for row in rows]


def _tree(rows: list[SpanRow]) -> Node:
    """The tree whose nodes stand in `rows`, parents before children."""
    children: dict[str, list[Node]] = {}
    for row in reversed(rows):
        below = tuple(reversed(children.pop(row.id, [])))
        node = _node(row, below)
        if row.parent is None:
            return node
        children.setdefault(row.parent, []).append(node)
    raise LookupError("a tree without a root")


def _node(row: SpanRow, children: tuple[Node, ...]) -> Node:
    attributes: Mapping[str, object] = json.loads(row.attributes)
    failure = Failure(row.error_type, row.error_message or "") if row.error_type is not None else None
    return Node(
        row.id,
        cast("Kind", row.kind),
        row.name,
        row.agent if row.kind == "agent" else None,
        row.start_ns,
        row.end_ns,
        cast("Status", row.status),
        failure,
        row.inferred,
        row.model,
        row.lane,
        attributes,
        Tokens(row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens),
        row.retries,
        row.cost_usd,
        row.cost_complete,
        children,
    )
