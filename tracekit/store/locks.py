"""Locks that order the processes that open the store.

DuckDB shuts every other process out while one writes, and a writer while others read. So before the store is opened a
lock file is asked: readers share `access`, the collector holds it alone, for a short time each. Both come through
`gate`, which readers pass in no time and which the collector closes while it waits for those who read: so neither
starves. `collector` belongs to the one process that collects.

The locks are `flock`s: they go with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracekit.errors import StoreBusyError, StoreError

__all__ = ["PATIENCE_S", "Locks"]

PATIENCE_S = 30.0
"""How long anybody waits before giving up: more than any hold of a process that runs."""

_GATE_CLOSED_S = 0.3
"""How long the collector keeps new readers out while it waits for those who read."""


class Locks:
    """The lock files beside a store.

    Args:
        folder: The folder of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def collecting(self, patience_s: float = 0.0) -> Iterator[bool]:
        """Be the one that collects, if nobody else is for `patience_s` seconds: whether it worked."""
        until = time.monotonic() + patience_s
        with self._file("collector") as file:
            while not (is_ours := file < 0 or _try(file, fcntl.LOCK_EX)) and time.monotonic() < until:
                time.sleep(0.01)
            yield is_ours

    @contextmanager
    def reading(self, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """Read, beside other readers.

        Raises:
            StoreBusyError: The collector did not let go of the store in time.
        """
        begin = time.monotonic()
        with self._file("gate") as gate, self._file("access") as access:
            while not self._let_in(gate, access):
                if time.monotonic() - begin > patience_s:
                    raise StoreBusyError(self._held("a collector", patience_s))
                time.sleep(random.uniform(0.001, 0.004))  # noqa: S311  so that those who wait do not ask all at once
            yield

    @contextmanager
    def alone(self, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """Write, without anybody else.

        Raises:
            StoreBusyError: Somebody read all that time.
        """
        begin = time.monotonic()
        with self._file("gate") as gate, self._file("access") as access:
            while not self._shut(gate, access):
                if time.monotonic() - begin > patience_s:
                    raise StoreBusyError(self._held("a query", patience_s))
                time.sleep(_GATE_CLOSED_S)
            try:
                yield
            finally:
                _release(access)
                _release(gate)

    def _let_in(self, gate: int, access: int) -> bool:
        if gate < 0 or access < 0:
            return True
        if not _try(gate, fcntl.LOCK_SH):
            return False
        is_in = _try(access, fcntl.LOCK_SH)
        _release(gate)
        return is_in

    def _shut(self, gate: int, access: int) -> bool:
        """Close the gate and have the store to oneself; False, with the gate open again, if readers stay too long."""
        if gate < 0 or access < 0:
            # Nobody can write here, and whoever tries is told so by the system.
            return True
        until = time.monotonic() + _GATE_CLOSED_S
        while not _try(gate, fcntl.LOCK_EX):
            if time.monotonic() > until:
                return False
            time.sleep(0.0005)
        until = time.monotonic() + _GATE_CLOSED_S
        while not _try(access, fcntl.LOCK_EX):
            if time.monotonic() > until:
                _release(gate)
                return False
            time.sleep(0.001)
        return True

    @contextmanager
    def _file(self, name: str) -> Iterator[int]:
        """A lock file, opened; -1 where the folder cannot be written to, so that nobody writes the store either."""
        path = self._folder / f"store.{name}"
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except FileNotFoundError as error:
            raise StoreError(f"the folder of the store is gone: {self._folder}") from error
        except OSError:
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                file = -1
        try:
            yield file
        finally:
            if file >= 0:
                os.close(file)

    def _held(self, whom: str, patience_s: float) -> str:
        return (
            f"the store in {self._folder} was in use by {whom} for {patience_s:.0f} s; try again, "
            "or end the tracekit process that uses it"
        )


def _try(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(
            f"the file system of the store has no locks ({error.strerror}); set TRACEKIT_HOME to a folder on a local disk"
        ) from error
    return True


def _release(file: int) -> None:
    if file >= 0:
        fcntl.flock(file, fcntl.LOCK_UN)
