"""A lake as it is read: the views of the store over the newest version of each run."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tracekit.errors import LakeError
from tracekit.model.columns import columns_of
from tracekit.store.connect import memory
from tracekit.store.filter import RunFilter
from tracekit.store.lake.folder import LakeFolder, folder_of
from tracekit.store.schema import FINDINGS, MESSAGES, RUNS, SPANS, TABLES
from tracekit.store.views import definitions, sql_literal, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["LAKE_TABLES", "Lake", "RunVersions", "day_folder"]

LAKE_TABLES = (SPANS, MESSAGES, FINDINGS, RUNS)
"""The tables of a lake in the order in which a writer puts their files: a run is seen once its row in `run` is."""

_MEMORY = "1GiB"
_VERSION = {"version": "BIGINT", "fingerprint": "VARCHAR", "host": "VARCHAR"}
"""The columns that `run` has in a lake alone."""

_NEWEST = "row_number() OVER (PARTITION BY id ORDER BY last_ns DESC, version DESC, copy DESC) = 1"
"""Whether a row is the newest version of its run. A shorter copy of a session, on another machine, is no newer one."""


class RunVersions(NamedTuple):
    """The versions of a run in a lake: the greatest number, and the fingerprints of all."""

    version: int
    fingerprints: frozenset[str]


class Lake:
    """A lake, read like a store.

    Args:
        url: A folder, or a URL for fsspec.

    Raises:
        LakeError: The libraries for such a URL are missing.
    """

    def __init__(self, url: str) -> None:
        self.folder: LakeFolder = folder_of(url)
        self.path = Path(tempfile.gettempdir()) / f"tracekit-lake-{os.getpid()}"
        """Beside this path, queries put what memory does not hold."""

    @contextmanager
    def reading(self, connection: DuckDBPyConnection | None = None) -> Iterator[DuckDBPyConnection]:
        """Give a connection whose views show the lake as it is now: what is written meanwhile is not seen.

        Args:
            connection: A database in memory; by default a new one.

        Raises:
            LakeError: It is no lake, or a file of it cannot be read.
        """
        if connection is None:
            with closing(memory(_MEMORY, beside=self.path)) as own, self.reading(own):
                yield own
            return
        with self._opened(connection, LAKE_TABLES):
            for definition in definitions():
                connection.execute(definition)
            yield connection

    @contextmanager
    def reading_runs(self, wanted: RunFilter) -> Iterator[DuckDBPyConnection]:
        """Give a connection with the tables that a query of runs needs.

        Without the others it is sooner there: to show a table, all its files are opened.

        Raises:
            LakeError: It is no lake, or a file of it cannot be read.
        """
        tables = {RUNS, *re.findall(r"FROM (\w+)", wanted.sql)}
        with closing(memory(_MEMORY, beside=self.path)) as own, self._opened(own, tables):
            yield own

    @contextmanager
    def _opened(self, connection: DuckDBPyConnection, tables: Container[str]) -> Iterator[None]:
        self.folder.open_for_reading()
        with self._translated():
            self._connect(connection)
            # The files of runs are listed first: those of their spans were written before them.
            for table in reversed(LAKE_TABLES):
                if table in tables:
                    self._show(connection, table, self.folder.files(table))
            yield

    def versions(self, days: Iterable[str]) -> dict[str, RunVersions]:
        """Return the versions of the runs that were recorded on the `days`, by id.

        Raises:
            LakeError: A file of the lake cannot be read.
        """
        folders = tuple(f"{day_folder(RUNS, day)}/" for day in days)
        files = [name for name in self.folder.files(RUNS) if name.startswith(folders)]
        if not files:
            return {}
        with closing(memory(_MEMORY, beside=self.path)) as own, self._translated():
            self._connect(own)
            rows = own.execute(
                "SELECT id, max(version), list(DISTINCT fingerprint) FROM read_parquet(?, union_by_name = true) GROUP BY id",
                [self._paths(files)],
            ).fetchall()
        return {id: RunVersions(version, frozenset(fingerprints)) for id, version, fingerprints in rows}

    def _connect(self, connection: DuckDBPyConnection) -> None:
        """Let `connection` read the lake, and nothing else where other access is shut off."""
        if self.folder.filesystem is not None:
            connection.register_filesystem(self.folder.filesystem)
        connection.execute(f"SET allowed_directories = ['{_quoted(self.folder.root)}/']")
        connection.execute("SET parquet_metadata_cache = true")

    def _paths(self, names: Iterable[str]) -> list[str]:
        return [f"{self.folder.root}/{name}" for name in names]

    def _show(self, connection: DuckDBPyConnection, table: str, files: list[str]) -> None:
        """Make the view `table` over `files`. Columns that files of an older tracekit lack are empty."""
        columns = {column.name: column for column in columns_of(TABLES[table])}
        types = {"copy": "UUID", **{name: sql_type(column) for name, column in columns.items()}}
        types |= _VERSION if table == RUNS else {}
        made = ", ".join(f"{name} {type}" for name, type in types.items())
        connection.execute(f"CREATE TABLE empty_{table} ({made})")
        source = f"FROM empty_{table}"
        if files:
            connection.execute(f"SET VARIABLE lake_{table} = ?", [self._paths(files)])
            source += (
                f" UNION ALL BY NAME FROM read_parquet(getvariable('lake_{table}'), "
                "union_by_name = true, hive_partitioning = false)"
            )
        shown = ", ".join(
            name if column.is_optional else f"coalesce({name}, {sql_literal(column.empty)}) AS {name}"
            for name, column in columns.items()
        )
        newest = f" QUALIFY {_NEWEST}" if table == RUNS else ""
        connection.execute(f"CREATE VIEW {table} AS SELECT copy, {shown} FROM ({source}){newest}")  # noqa: S608  our own

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn DuckDB's errors about files into tracekit's."""
        import duckdb  # noqa: PLC0415  a tenth of a second, for those who open a lake

        try:
            yield
        except duckdb.Error as error:
            says = str(error).partition("\n")[0]
            raise LakeError(
                f"the lake {self.folder.url} cannot be read: {says}; a file that is no Parquet file does not belong there"
            ) from error


def day_folder(table: str, day: str) -> str:
    """Return the folder of a table's files of a day, relative to the lake."""
    return f"{table}/day={day}"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
