"""Queries of a user's: one statement that only reads, on a store that is open for reading alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from tracekit.errors import QueryError
from tracekit.output import output
from tracekit.store.connect import is_damage, memory, quoted
from tracekit.store.store import Store
from tracekit.store.views import REPLAYS, VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

__all__ = ["QueryResult", "Readable", "ask", "ask_for_parquet", "keywords", "relation", "run_to_parquet"]

_MEMORY = "1GiB"
_BATCH = 1000

T = TypeVar("T")


class Readable(Protocol):
    """A store or a lake. Beside its `path`, a query puts what memory does not hold."""

    @property
    def path(self) -> Path: ...  # noqa: D102  above

    def reading(self, connection: DuckDBPyConnection | None = None) -> AbstractContextManager[DuckDBPyConnection]: ...  # noqa: D102  as Store.reading


class QueryResult(NamedTuple):
    """A query's columns with their DuckDB types, and its rows, which are read while the store is held."""

    columns: Sequence[tuple[str, str]]
    rows: Iterator[tuple[Any, ...]]


def ask(store: Readable, query: str, take: Callable[[QueryResult], T], *, replays: bool = False) -> T:
    """Return the result of `take` on the rows of `query`, with replays if `replays` is set.

    It should be quick: the collector waits for it.

    Raises:
        LakeError: The lake cannot be read.
        QueryError: The query is wrong, or would write.
        StoreError: The store cannot be read.
    """
    import duckdb  # noqa: PLC0415  a tenth of a second, for those who open a store

    with closing(memory(_MEMORY, beside=store.path)) as own, store.reading(own) as connection:
        _shut_in(connection, replays=replays)
        try:
            _check(connection, query)
            result = connection.execute(query)
            columns = [(str(each[0]), str(each[1])) for each in result.description or ()]
            return take(QueryResult(columns, _rows(result)))
        except duckdb.Error as error:
            if is_damage(error):
                raise
            raise QueryError(str(error)) from error


def ask_for_parquet(store: Readable, query: str, out: Path, *, replays: bool = False) -> int | None:
    """Write the answer to `query`, over `replays`, too, if they are asked for, to the Parquet file `out`.

    Returns:
        The number of its rows; None where DuckDB does not tell.

    Raises:
        LakeError: The lake cannot be read.
        QueryError: The query is wrong, or would write.
        OutputError: The file cannot be written.
        StoreError: The store cannot be read.
    """
    import duckdb  # noqa: PLC0415  see above

    with output(out) as draft, closing(memory(_MEMORY, beside=store.path)) as own, store.reading(own) as connection:
        _shut_in(connection, draft, replays=replays)
        try:
            _check(connection, query)
            statement = query.strip().rstrip(";")
            options = "FORMAT parquet, USE_TMP_FILE false"
            row = connection.execute(f"COPY ({statement}\n) TO '{quoted(draft)}' ({options})").fetchone()
            return int(row[0]) if row else None
        except duckdb.Error as error:
            if is_damage(error):
                raise
            raise QueryError(str(error)) from error


def relation(
    store: Store, query: str, values: Sequence[str | float] = (), *, replays: bool = False
) -> DuckDBPyRelation:
    """Return the answer to `query` with its parameters' `values` as a relation in memory, which keeps no store open.

    Raises:
        QueryError: The query is wrong, or would write.
        StoreError: The store cannot be read.
    """
    import duckdb  # noqa: PLC0415  see above

    own = memory(_MEMORY, beside=store.path)
    with store.reading(own) as connection:
        connection.execute(f"SET VARIABLE {REPLAYS} = {str(replays).lower()}")
        try:
            _check(connection, query)
            statement = query.strip().rstrip(";")
            connection.execute(f"CREATE TABLE memory.answer AS FROM (\n{statement}\n)", list(values))
        except duckdb.Error as error:
            if is_damage(error):
                raise
            raise QueryError(str(error)) from error
    return own.table("memory.answer")


def run_to_parquet(store: Store, run: str, folder: Path) -> list[Path]:
    """Write what each view has of `run` to a Parquet file in `folder`; returns the files.

    Raises:
        OutputError: A file cannot be written.
        StoreError: The store cannot be read.
    """
    files = []
    for view in VIEWS:
        key = "id" if view.name == "runs" else "run"
        path = folder / f"{view.name}.parquet"
        ask_for_parquet(store, f"SELECT * FROM {view.name} WHERE {key} = '{run}'", path, replays=True)  # noqa: S608  hex digits
        files.append(path)
    return files


def keywords(store: Readable) -> list[str]:
    """The words of SQL, for completion."""
    with store.reading() as connection:
        rows = connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    return [str(name).upper() for (name,) in rows]


def _shut_in(connection: DuckDBPyConnection, out: Path | None = None, *, replays: bool) -> None:
    """Restrict a connection to reading the store, with or without `replays`, and to writing `out`."""
    connection.execute(f"SET VARIABLE {REPLAYS} = {str(replays).lower()}")
    if out is not None:
        connection.execute(f"SET allowed_paths = ['{quoted(out)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _check(connection: DuckDBPyConnection, query: str) -> None:
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements where one is wanted: give one SELECT")
    kind = statements[0].type.name
    if kind == "MULTI" and _is_subquery(connection, query):
        return
    if kind not in ("SELECT", "EXPLAIN"):
        raise QueryError(
            f"{kind} is not allowed: queries only read; the store is made from the journals, which "
            "`tracekit prune` removes and `tracekit collect --rebuild` reads again"
        )


def _is_subquery(connection: DuckDBPyConnection, query: str) -> bool:
    """Return whether a `query` of several steps only reads: a PIVOT, which may stand in a SELECT.

    A statement that writes may hold such a PIVOT, too, but cannot stand within another one.
    """
    import duckdb  # noqa: PLC0415  see above

    try:
        within = connection.extract_statements(f"SELECT * FROM (\n{query.strip().rstrip(';')}\n)")  # noqa: S608  only parsed
    except duckdb.Error:
        return False
    return [statement.type.name for statement in within] == ["MULTI"]


def _rows(result: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := result.fetchmany(_BATCH):
        yield from batch
