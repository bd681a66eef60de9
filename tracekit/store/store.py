"""One store: where it is, how it is opened, and how it comes to be."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tracekit.errors import DamagedStoreError, StoreError
from tracekit.store.connect import (
    GROUP_ROWS,
    attach,
    detach,
    for_the_user_alone,
    give_up,
    kept,
    memory,
    on_disk,
    quoted,
    translated_errors,
)
from tracekit.store.locks import PATIENCE_S, Locks
from tracekit.store.schema import BY_RUN, MESSAGES, SPANS, TABLES, is_current, migrate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["STORE_FILE", "Store"]

STORE_FILE = "store.duckdb"

_PAUSE_S = 0.005

_COMPACT_MEMORY = "512MiB"
_COMPACT_GROUPS = 8
_COMPACT_BYTES = 64_000_000
"""So many groups of rows are compressed together where there is time, and where they are no larger than this."""


class Store:
    """The store in a folder, opened for each question and closed after it.

    Args:
        folder: ``TRACEKIT_HOME``, which exists.
        file: The store's file, where it is not the folder's own: one that is being made, and that nobody else knows.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.path = folder / STORE_FILE if file is None else file
        self.locks = Locks(folder)
        self.patience_s = PATIENCE_S
        """How long whoever writes waits for those who read."""
        self.held_s = 0.0
        """How long the newest writing kept everybody else out."""
        self._is_private = file is not None

    @property
    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.path.exists()

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in (self.path, _wal(self.path)) if path.exists())

    @contextmanager
    def reading(self, connection: DuckDBPyConnection | None = None) -> Iterator[DuckDBPyConnection]:
        """A connection whose catalogue is the store, which nobody writes meanwhile.

        Args:
            connection: A database in memory to which the store is attached; by default one that is kept for this.

        Raises:
            StoreError: There is no store, or it cannot be read.
        """
        if connection is None:
            with kept(self.path) as own, self.reading(own):
                yield own
            return
        with self.locks.reading():
            if not self.exists:
                raise StoreError(f"there is no store yet: {self.path}; `tracekit collect` makes it")
            attach(connection, self.path, read_only=True)
            try:
                with translated_errors(self.path):
                    if not is_current(connection):
                        raise StoreError(
                            f"the store {self.path} is of an older version: `tracekit collect` brings it to this one"
                        )
                    connection.execute("USE store")
                    yield connection
            finally:
                detach(connection)

    @contextmanager
    def writing(self, connection: DuckDBPyConnection) -> Iterator[None]:
        """Attach the store to `connection`, with nobody else in it. For the one that collects.

        Raises:
            StoreError: It cannot be opened.
        """
        with self.alone(), for_the_user_alone():
            begin = time.monotonic()
            attach(connection, self.path, read_only=False)
            try:
                with translated_errors(self.path):
                    yield
            except BaseException:
                give_up(connection)
                raise
            finally:
                with translated_errors(self.path):
                    detach(connection)
                self.held_s = time.monotonic() - begin
        if not self._is_private:
            # Whoever waited gets in before the next time.
            time.sleep(_PAUSE_S)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from opening the store within the block."""
        if self._is_private:
            yield
            return
        with self.locks.alone(self.patience_s):
            yield

    def prepare(self) -> str:
        """Create the store or migrate it to this version; only the collector does so.

        A file that DuckDB cannot open is moved aside.

        Returns:
            What is to be told of it; usually nothing.

        Raises:
            NewerStoreError: A newer version made it.
            StoreError: It cannot be opened, or made.
        """
        self.fresh().remove()
        if self.exists:
            try:
                with self.reading():
                    return ""
            except DamagedStoreError as error:
                return self.set_aside(str(error))
            except StoreError as error:
                if type(error) is not StoreError:
                    raise
        connection = memory(beside=self.path)
        try:
            with self.writing(connection):
                migrate(connection)
        except DamagedStoreError as error:
            return self.set_aside(str(error))
        finally:
            connection.close()
        return ""

    def set_aside(self, why: str) -> str:
        """Rename a store that cannot be used, make a new one, and return the message about it."""
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        with self.alone(), on_disk(self.path):
            aside = _free(self.path.with_name(f"{self.path.name}.damaged-{stamp}"))
            for path, name in ((self.path, aside), (_wal(self.path), _wal(aside))):
                if path.exists():
                    path.rename(name)
        self.prepare()
        return f"{why}; it is kept as {aside.name}, and a new one is made from the journals"

    def compact(self, without: Iterable[str] = ()) -> None:
        """Write everything into a new file, which takes this one's place: what was removed takes room until then.

        Readers go on meanwhile. For the one that collects.

        Args:
            without: Runs that are left out.

        Raises:
            StoreError: There is no room for the new file; this one stays.
        """
        fresh = self.fresh()
        try:
            fresh.remove()
            fresh.prepare()
            with (
                closing(memory(_COMPACT_MEMORY, beside=self.path)) as own,
                self.reading(own) as connection,
                for_the_user_alone(),
            ):
                connection.execute(
                    "CREATE TABLE memory.left_out AS SELECT unnest(?::VARCHAR[]) AS run", [list(without)]
                )
                rows = _rows_together(connection)
                connection.execute(f"ATTACH '{quoted(fresh.path)}' AS fresh (ROW_GROUP_SIZE {rows})")
                connection.execute("INSERT INTO fresh.meta FROM store.meta WHERE name IN ('copy', 'written_at_ns')")
                stays = "SELECT run FROM journal WHERE run NOT IN (FROM memory.left_out)"
                copies = f"SELECT copy FROM journal WHERE run IN ({stays}) AND copy IS NOT NULL"  # noqa: S608  our own
                for table in TABLES:
                    kept_rows = f"run IN ({stays})" if table in BY_RUN else f"copy IN ({copies})"
                    connection.execute(f"INSERT INTO fresh.{table} BY NAME FROM store.{table} WHERE {kept_rows}")
                connection.execute("CHECKPOINT fresh")
                connection.execute("DETACH fresh")
            self.replace(fresh)
        finally:
            fresh.remove()

    # ── replacing ────────────────────────────────────────────────────────────────────────────────────────────────

    def fresh(self) -> Store:
        """A store beside this one, to be made in peace and to take its place."""
        return Store(self.path.parent, self.path.with_name(f"{STORE_FILE}.new"))

    def settle(self) -> None:
        """Put everything into the one file."""
        connection = memory(beside=self.path)
        try:
            with self.writing(connection):
                connection.execute("CHECKPOINT store")
        finally:
            connection.close()

    def replace(self, fresh: Store) -> None:
        """Let `fresh`, which is whole, take the place of this store."""
        if _wal(fresh.path).exists():
            raise StoreError(f"the new store {fresh.path} is not whole")
        with self.alone(), on_disk(self.path):
            _wal(self.path).unlink(missing_ok=True)
            fresh.path.replace(self.path)

    def remove(self) -> None:
        """Remove the file.

        Raises:
            StoreError: The folder cannot be written to.
        """
        with on_disk(self.path):
            for path in (self.path, _wal(self.path)):
                if path.exists():
                    path.unlink(missing_ok=True)


def _free(path: Path) -> Path:
    """Return `path`, with a number after it where such a file exists already."""
    paths = (path if number == 1 else path.with_name(f"{path.name}-{number}") for number in count(1))
    return next(each for each in paths if not each.exists())


def _rows_together(store: DuckDBPyConnection) -> int:
    """Return the number of rows that may be compressed together: fewer if their texts are long."""
    most = max(
        float(store.execute(f"SELECT coalesce(avg(length({column})), 0) FROM {table}").fetchall()[0][0])  # noqa: S608
        for table, column in ((MESSAGES, "text"), (SPANS, "attributes"))
    )
    return GROUP_ROWS * max(1, min(_COMPACT_GROUPS, int(_COMPACT_BYTES / (GROUP_ROWS * (most + 1)))))


def _wal(path: Path) -> Path:
    """Return the path of DuckDB's write-ahead log for the file at `path`."""
    return path.with_name(path.name + ".wal")
