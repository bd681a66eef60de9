"""Put runs into the store one by one, so that one that cannot be stored leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.collect.changes import Due
from tracekit.errors import RowsError, StoreError, TracekitError
from tracekit.store.rows import RunRows
from tracekit.store.writer import Writer

__all__ = ["Filling", "left_out"]


class Filling:
    """Fills a store with runs.

    Args:
        writer: Takes the rows.
        maker: By which rules rows are made.
        read: Makes the rows of a run; None where its journals are gone.

    Attributes:
        problems: Why runs are left out, by their ids.
        alive: Whether a run that was taken is still being written.
        runs: How many runs were taken.
        spans: How many spans they have.
    """

    def __init__(self, writer: Writer, maker: str, read: Callable[[Due], RunRows | None]) -> None:
        self.problems: dict[str, str] = {}
        self.alive = False
        self.runs = 0
        self.spans = 0
        self._writer = writer
        self._maker = maker
        self._read = read
        self._pending: list[Due] = []

    def take(self, due: Due) -> None:
        """Put a run into the store, together with others or alone.

        Raises:
            StoreError: The store cannot be written.
        """
        self._pending.append(due)
        rows = self._add(due, flush=False)
        if rows is not None:
            self.runs += 1
            self.spans += 0 if rows.summary is None else rows.summary.spans
            self.alive = self.alive or bool(rows.alive)

    def finish(self) -> None:
        """Put the remaining runs into the store.

        Raises:
            StoreError: The store cannot be written.
        """
        try:
            self._writer.flush()
        except RowsError:
            self._one_by_one()
        self._pending.clear()

    def _add(self, due: Due, *, flush: bool) -> RunRows | None:
        rows = self._read(due)
        try:
            self._put(due, rows, flush=flush)
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, RowsError):
                raise
            if flush or len(self._pending) == 1:
                self._leave_out(due, error)
            else:
                # What else was to be written with it is read again, since it may be at fault as well.
                self._one_by_one()
        return rows

    def _put(self, due: Due, rows: RunRows | None, *, flush: bool) -> None:
        if rows is not None:
            self._writer.add(rows, due.known)
            if rows.problem:
                self.problems[due.id] = rows.problem
        elif due.known is not None:
            # Its journals were removed since they were looked for.
            self._writer.remove(due.known)
        if flush:
            self._writer.flush()
        if self._writer.is_settled:
            self._pending.clear()

    def _one_by_one(self) -> None:
        self._writer.start_again()
        pending, self._pending = self._pending, []
        for due in pending:
            self._add(due, flush=True)

    def _leave_out(self, due: Due, error: Exception) -> None:
        self._writer.start_again()
        self._pending.clear()
        self._put(due, left_out(due, self._maker, error), flush=True)


def left_out(due: Due, maker: str, error: Exception) -> RunRows:
    """Return the entry of a run that the store cannot take: the reason, from `error`."""
    is_told = isinstance(error, TracekitError)
    said = str(error) if is_told else f"its journals do not make up a run: {type(error).__name__}: {error}"
    problem = said.encode("utf-8", "replace").decode("utf-8")
    return RunRows(due.id, due.files, frozenset(), maker, 0.0, problem=problem)
