"""The liveness of a segment's writer."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tracekit.errors import JournalError
from tracekit.journal.decode import Header, read_header
from tracekit.journal.process import boot_id, host_name
from tracekit.system_clock import wall_ns

__all__ = ["SILENCE_S", "is_alive"]

SILENCE_S = 15 * 60.0
"""Seconds without a line after which a writer that cannot be asked counts as gone."""


def is_alive(path: Path) -> bool:
    """Return whether the writer of the segment at `path` lives.

    It holds an exclusive lock. Probing with a shared one does not shut out another prober, and never blocks. Where
    the lock says nothing, on another machine's file or after a boot, silence decides. A copy has no writer.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        header = _header(file, path)
        if header is not None and not path.name.startswith(header["run"]):
            return False
        if header is not None and (header.get("host") != host_name() or header.get("boot") != boot_id()):
            return _spoke_lately(file)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return _spoke_lately(file)
        return False
    finally:
        os.close(file)


def _header(file: int, path: Path) -> Header | None:
    try:
        return read_header(os.read(file, 65536).partition(b"\n")[0], str(path))
    except (OSError, JournalError):
        return None


def _spoke_lately(file: int) -> bool:
    return wall_ns() / 1e9 - os.fstat(file).st_mtime < SILENCE_S
