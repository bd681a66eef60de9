"""Opens the file, and tells what DuckDB says about it in tracekit's words."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tracekit.errors import DamagedStoreError, NewerStoreError, RowsError, StoreBusyError, StoreError, TracekitError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "attach",
    "detach",
    "for_the_user_alone",
    "give_up",
    "is_damage",
    "kept",
    "memory",
    "on_disk",
    "quoted",
    "translated_errors",
]

_MOST_THREADS = 4

_DAMAGE = (
    "not a valid duckdb database",
    "corrupt",
    "could not read enough bytes",
    "checksum",
    "serialization error",
    "internal error",
    "deserialize",
    "wal file",
)
_FULL = ("no space left", "file too large", "disk quota", "could not write", "failed to write", "out of disk")


def memory(limit: str = "512MiB", *, beside: Path | None = None) -> DuckDBPyConnection:
    """A database of its own in memory, which takes `limit` at most, to which a store can be attached.

    So that several connections of one process to the same store need not agree on their settings. What does not fit
    goes to a folder `beside` the store, which DuckDB takes only before its first use; without it, to none.
    """
    import duckdb  # noqa: PLC0415  a tenth of a second, for those who open a store

    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": limit,
        "temp_directory": "" if beside is None else f"{_reachable(beside)}.tmp",
        "threads": threads,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)


_idle: list[tuple[Path, DuckDBPyConnection]] = []


@contextmanager
def kept(path: Path) -> Iterator[DuckDBPyConnection]:
    """A reusable database in memory for the store at `path`: making one takes ten times as long as attaching."""
    connection = None
    while connection is None and _idle:
        of, idle = _idle.pop()
        if of == path:
            connection = idle
        else:
            idle.close()
    connection = connection or memory(beside=path)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    _idle.append((path, connection))


_left_behind: list[tuple[Path, DuckDBPyConnection]] = []


def _leave_behind() -> None:
    """In a child: its threads did not come along, and to close it would wait for them."""
    _left_behind.extend(_idle)
    _idle.clear()


os.register_at_fork(after_in_child=_leave_behind)


def attach(connection: DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    """Open the store at `path` as ``store``. Small groups of rows bound what a checkpoint may rewrite.

    Raises:
        StoreError: It cannot be opened.
    """
    option = "READ_ONLY" if read_only else f"ROW_GROUP_SIZE {GROUP_ROWS}"
    _check(path, read_only=read_only)
    with translated_errors(path):
        connection.execute(f"ATTACH '{quoted(path)}' AS store ({option})")


GROUP_ROWS = 2048
"""Rows that DuckDB writes, and merges, together, as few as it can. A checkpoint has their texts in memory at once."""


def detach(connection: DuckDBPyConnection) -> None:
    """Detach the store."""
    connection.execute("USE memory")
    connection.execute("DETACH store")


def give_up(connection: DuckDBPyConnection) -> None:
    """End what `connection` was writing, of which nothing is kept."""
    import duckdb  # noqa: PLC0415  see above

    with suppress(duckdb.Error):
        connection.rollback()


@contextmanager
def for_the_user_alone() -> Iterator[None]:
    """Files that are made meanwhile are the user's alone: DuckDB makes its log at a moment of its own."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors about the file at `path` into tracekit's.

    Raises:
        DamagedStoreError: It is no store, or is damaged.
        NewerStoreError: A newer version of DuckDB or tracekit wrote it.
        StoreBusyError: Another program has it open.
        StoreError: Anything else.
    """
    import duckdb  # noqa: PLC0415  see above

    try:
        yield
    except (DamagedStoreError, NewerStoreError) as error:
        raise type(error)(f"the store {path} cannot be used: {error}") from error
    except duckdb.Error as error:
        raise _store_error(path, str(error)) from error


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn the system's errors about the file at `path` into tracekit's.

    Raises:
        StoreError: The file or its folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(f"the store {path} cannot be written: {error.strerror or error}") from error


def _store_error(path: Path, says: str) -> TracekitError:
    says = says.partition("\n")[0]
    low = says.lower()
    if "conflicting lock" in low:
        return StoreBusyError(
            f"the store {path} is open in another program: close that program, or read a copy of the file ({says})"
        )
    if "newer version of duckdb" in low or "with version number" in low:
        return NewerStoreError(
            f"the store {path} was written by a newer DuckDB: upgrade duckdb to read it; it is left as it is ({says})"
        )
    if "out of memory" in low:
        return RowsError(f"the store {path} cannot store the values of a run: {says}")
    if any(sign in low for sign in _FULL):
        return StoreError(
            f"the store {path} cannot be written: {says}; what it held before is intact: free some space, or let "
            "`tracekit prune` do so"
        )
    if any(sign in low for sign in _DAMAGE):
        return DamagedStoreError(f"the store {path} is damaged: {says}")
    return StoreError(f"the store {path} cannot be used: {says}")


def _check(path: Path, *, read_only: bool) -> None:
    """Ask the system whether the file may be opened, because DuckDB reports a refusal as damage."""
    if "?" in str(path):
        raise StoreError(
            f"the store {path} cannot be opened: DuckDB takes the question mark in its path for the begin of options; set "
            "TRACEKIT_HOME to a folder without one"
        )
    if not path.exists() and not read_only:
        return
    try:
        mode = (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(path, mode)
        is_regular = stat.S_ISREG(os.fstat(file).st_mode)
        os.close(file)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from error
    if not is_regular:
        raise StoreError(f"the store {path} cannot be opened: it is not a regular file; remove it")


def is_damage(error: Exception) -> bool:
    """Return whether DuckDB's `error` is about the file, not about the query."""
    return any(sign in str(error).lower() for sign in _DAMAGE)


def quoted(path: Path) -> str:
    """Return `path` as it stands between quotes in SQL.

    Raises:
        StoreError: The folder has a name that DuckDB does not take, and the system no other for it.
    """
    return _reachable(path).replace("'", "''")


def _reachable(path: Path) -> str:
    """Return a name of `path` that DuckDB takes.

    DuckDB takes a backslash for a slash, and its API takes UTF-8 alone. A folder with such a name is reached through its
    descriptor, where the system shows those as files.

    Raises:
        StoreError: The folder has such a name, and the system does not.
    """
    text = str(path)
    if not _ODD.search(text):
        return text
    try:
        state = path.parent.stat()
        return f"{_DESCRIPTORS}/{_descriptor(path.parent, state.st_dev, state.st_ino)}/{path.name}"
    except OSError as error:
        raise StoreError(
            f"DuckDB cannot open a file in a folder named {str(path.parent)!r}: {error.strerror}"
        ) from error


_ODD = re.compile(r"[\\\ud800-\udfff]")
_DESCRIPTORS = "/proc/self/fd"


@cache
def _descriptor(folder: Path, _device: int, _inode: int) -> int:
    """A descriptor of `folder`, which stays open: DuckDB opens files in it at moments of its own."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not Path(f"{_DESCRIPTORS}/{descriptor}").is_dir():
        os.close(descriptor)
        raise FileNotFoundError(None, f"{_DESCRIPTORS} is missing")
    return descriptor
