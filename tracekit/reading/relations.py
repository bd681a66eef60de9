"""Questions about all runs, answered as relations of DuckDB."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracekit.collect.aside import collected
from tracekit.errors import StoreError
from tracekit.journal.home import home
from tracekit.store.ask import relation
from tracekit.store.filter import parse_filter

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

__all__ = ["runs", "sql"]

_LOG = logging.getLogger("tracekit")


def sql(query: str, *, replays: bool = False) -> DuckDBPyRelation:
    """Return the answer to one SELECT over the views of `tracekit sql`, without replays unless `replays` is set.

    The relation holds the answer itself, not the store: `.df()`, `.arrow()`, `.fetchall()` and further queries on it work
    as long as it lives.

    Raises:
        QueryError: The query is wrong, or would write.
        StoreError: Nothing is recorded yet, or the store cannot be read.
    """
    return _asked(query, (), replays=replays)


def runs(filter: str = "", *, replays: bool = False) -> DuckDBPyRelation:
    """Return the runs that match `filter`, newest first: ``status:error agent:lead cost>0.5 since:7d``.

    The filter is that of `tracekit ls`; without it, all runs match. The columns are those of the view `runs`.

    Raises:
        FilterError: The filter has a wrong key, comparison or value.
        StoreError: Nothing is recorded yet, or the store cannot be read.
    """
    wanted = parse_filter(filter)
    query = (
        f"SELECT * FROM runs WHERE id IN (SELECT r.id FROM run r WHERE {wanted.sql}) "  # noqa: S608  values are parameters
        "ORDER BY recorded_at_ns DESC, id DESC"
    )
    return _asked(query, wanted.values, replays=replays)


def _asked(query: str, values: Sequence[str | float], *, replays: bool) -> DuckDBPyRelation:
    with collected() as found:
        for line in found.warnings:
            _LOG.warning("%s", line)
        if not found.store.exists:
            raise StoreError(
                f"nothing is recorded yet in {home()}; `tracekit demo` or `tracekit run PROGRAM` records a run"
            )
        return relation(found.store, query, values, replays=replays)
