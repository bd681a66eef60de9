"""Puts runs into the store: gathered in memory, and moved over in short holds of the file."""

from __future__ import annotations

import json
import time
from dataclasses import astuple
from typing import TYPE_CHECKING, Any, Self

from tracekit.errors import RowsError
from tracekit.model.columns import values_of
from tracekit.store.connect import memory
from tracekit.store.rows import JournalRow, KnownRun, RunRows, SegmentRow
from tracekit.store.schema import (
    BY_RUN,
    FINDINGS,
    JOURNALS,
    MESSAGES,
    PRACTICES,
    RUNS,
    SEGMENTS,
    SPANS,
    TABLES,
    create,
    names_of,
)
from tracekit.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from duckdb import DuckDBPyConnection

__all__ = ["Writer"]

_HOLD_S = 0.1
"""How long the store should be held at a time. Readers wait for it, so what is moved in one hold is fitted to this."""

_MOST_BYTES = 16_000_000
_LEAST_BYTES = 500_000
_MOST_ROWS = 32_768
_FIRST_BYTES = 2_000_000
_MOST_GONE = 500
_ROW_BYTES = 300
_TEXT_COLUMN = {
    SPANS: names_of(SPANS).index("attributes"),
    MESSAGES: names_of(MESSAGES).index("text"),
}
"""The column that may be long, by table; all others of a row have some `_ROW_BYTES` together."""

_BULK_ROWS = 1024

_SETTINGS = (
    # A batch above this goes into the file at its commit and is not written to a log before.
    "SET checkpoint_threshold = '1MB'",
    # A small one stays in the log, which every reader replays, until the log has grown to that size.
    "SET checkpoint_on_detach = 'DISABLED'",
    # These halve the texts' size and take twice the time of all else, while readers wait; `prune` makes up for it.
    "SET disabled_compression_methods = 'fsst,dict_fsst'",
    # A store that a power cut tore is noticed by its checksums and made anew from the journals, as they are then.
    "SET fsync_mode = 'NONE'",
)


class Writer:
    """Write runs one after the other. `close`, or the end of a `with` block, moves the rest into the store.

    What is seen of a run changes at once, when all its rows are there. One process at a time may write.
    """

    def __init__(self, store: Store) -> None:
        self.rows = 0
        """Rows written so far."""
        self.longest_hold_s = 0.0
        self._store = store
        self._most_bytes = _FIRST_BYTES
        self._connection = self._opened()
        self._batch: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
        self._bytes = self._batch_rows = 0
        self._gone: set[str] = set()
        self._copies: set[int] = set()
        self._stamp = ""
        self._copy = self._begin()

    def _opened(self) -> DuckDBPyConnection:
        connection = memory(beside=self._store.path)
        # The tables of the batch are those of the store, so that what fits here fits there.
        for table in TABLES:
            connection.execute(create(table, f"main.{table}"))
        for setting in _SETTINGS:
            connection.execute(setting)
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._connection.close()

    @property
    def is_settled(self) -> bool:
        """Return whether every run that was passed is in the store."""
        return not self._batch_rows and not self._gone

    def start_again(self) -> None:
        """Forget the waiting rows after an error, and remove rows of incomplete runs from the store."""
        self._connection.close()
        self._connection = self._opened()
        for rows in self._batch.values():
            rows.clear()
        self._bytes = self._batch_rows = 0
        self._gone, self._copies, self._stamp = set(), set(), ""
        self._copy = self._begin()

    def add(self, run: RunRows, known: KnownRun | None = None) -> None:
        """Put `run` into the store, in place of what it has as `known` of it.

        Raises:
            RowsError: Its rows cannot be put there.
            StoreError: The store cannot be written.
        """
        began = time.monotonic()
        self._copy += 1
        copy = self._copy
        derived = ((MESSAGES, run.messages), (FINDINGS, run.findings), (PRACTICES, run.practices))
        for table, rows in ((SPANS, run.spans), *derived):
            for row in rows:
                self._gather(table, [(copy, *values_of(row))])
                if self._is_full:
                    self._move(unfinished=copy)
        if known is not None:
            self._drop(known)
        if run.summary is not None:
            self._gather(RUNS, [(copy, *values_of(run.summary))])
        self._gather(JOURNALS, [values_of(_journal(run, copy, run.took_s + time.monotonic() - began))])
        self._gather(SEGMENTS, [values_of(SegmentRow(run.id, *file, file.path in run.alive)) for file in run.files])
        if self._is_full:
            self.flush()

    def remove(self, known: KnownRun) -> None:
        """Take a run out of the store."""
        self._drop(known)
        if len(self._gone) >= _MOST_GONE:
            self.flush()

    def settled(self, stamp: str) -> None:
        """Once all this is in the store, it holds what `stamp` says of the journals."""
        self._stamp = stamp

    def flush(self) -> None:
        """Move what was gathered into the store."""
        if not self.is_settled:
            self._move()

    # ── gathering ────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop(self, known: KnownRun) -> None:
        self._gone.add(known.id)
        if known.copy is not None:
            self._copies.add(known.copy)

    @property
    def _is_full(self) -> bool:
        return self._bytes >= self._most_bytes or self._batch_rows >= _MOST_ROWS

    def _gather(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._batch[table].extend(rows)
        self._batch_rows += len(rows)
        self.rows += len(rows)
        self._bytes += _ROW_BYTES * len(rows)
        text = _TEXT_COLUMN.get(table)
        if text is not None:
            self._bytes += sum(len(row[text] or "") for row in rows)

    def _append(self) -> list[str]:
        """Hand the batch to DuckDB, outside of the hold: it takes longer than moving it over does.

        Returns:
            The tables that have rows in it.
        """
        filled = [table for table, rows in self._batch.items() if rows]
        for table in filled:
            rows = self._batch[table]
            try:
                with self._connection.appender(table) as appender:
                    appender.append_rows(rows)
            except (TypeError, ValueError, OverflowError) as error:
                raise RowsError(f"a row has a value that the table {table!r} cannot store: {error}") from error
            rows.clear()
        return filled

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> int:
        """Return the number of the newest copy, and remove the rows of a killed collector."""
        store = self._connection
        with self._store.writing(store):
            meta = dict(
                store.execute("SELECT name, value FROM store.meta WHERE name IN ('copy', 'unfinished')").fetchall()
            )
            if "unfinished" in meta:
                store.execute("BEGIN")
                self._delete([int(meta["unfinished"])])
                store.execute("DELETE FROM store.meta WHERE name = 'unfinished'")
                store.execute("COMMIT")
        return int(meta.get("copy", 0))

    def _move(self, unfinished: int | None = None) -> None:
        if not self._batch_rows and not self._gone:
            return
        store = self._connection
        filled = self._append()
        # Small groups of rows are merged when there is little else to do: a batch's own are large enough.
        store.execute(f"SET max_vacuum_tasks = {0 if self._batch_rows >= _BULK_ROWS else 1}")
        with self._store.writing(store):
            store.execute("BEGIN")
            self._delete(self._copies)
            for table in BY_RUN:
                self._delete_of(table, "run", self._gone)
            for table in filled:
                store.execute(f"INSERT INTO store.{table} BY NAME FROM main.{table}")
            notes = {"copy": str(self._copy), "written_at_ns": str(time.time_ns()), "stamp": self._stamp}
            if unfinished is not None:
                notes["unfinished"] = str(unfinished)
            store.execute("DELETE FROM store.meta WHERE name IN ('copy', 'written_at_ns', 'stamp', 'unfinished')")
            store.executemany("INSERT INTO store.meta VALUES (?, ?)", list(notes.items()))
            store.execute("COMMIT")
        self._fit(self._store.held_s)
        for table in filled:
            # A table that is only emptied keeps the room of its long texts.
            store.execute(f"CREATE OR REPLACE TABLE main.{table} AS FROM main.{table} LIMIT 0")
        self._bytes = self._batch_rows = 0
        self._gone, self._copies = set(), set()

    def _fit(self, held_s: float) -> None:
        """Make the next batch smaller after a long hold, and larger after a short one."""
        self.longest_hold_s = max(self.longest_hold_s, held_s)
        if held_s > _HOLD_S:
            self._most_bytes = max(_LEAST_BYTES, int(self._most_bytes * max(0.3, _HOLD_S / held_s)))
        elif self._bytes >= self._most_bytes:
            self._most_bytes = min(_MOST_BYTES, int(self._most_bytes * 1.3))

    def _delete(self, copies: Iterable[int]) -> None:
        for table in (RUNS, SPANS, MESSAGES, FINDINGS, PRACTICES):
            self._delete_of(table, "copy", copies)

    def _delete_of(self, table: str, column: str, values: Iterable[object]) -> None:
        listed = list(values)
        if listed:
            marks = ", ".join("?" * len(listed))
            self._connection.execute(f"DELETE FROM store.{table} WHERE {column} IN ({marks})", listed)  # noqa: S608


def _journal(run: RunRows, copy: int, took_s: float) -> JournalRow:
    """Return the state of the journals of `run`, whose rows have the number `copy`."""
    return JournalRow(
        run=run.id,
        copy=None if run.summary is None else copy,
        maker=run.maker,
        recorded_at_ns=0 if run.summary is None else run.summary.recorded_at_ns,
        collected_at_ns=time.time_ns(),
        took_s=took_s,
        exact=run.fit.exact,
        damage=json.dumps(list(run.damage)),
        problem=run.problem,
        unrecorded=json.dumps([astuple(missed) for missed in run.unrecorded]),
    )
