"""Whether a segment's writer still lives."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

from tracekit.journal.decode import read_header
from tracekit.errors import JournalError
from tracekit.journal.process import boot_id

__all__ = ["SILENCE_S", "is_alive"]

SILENCE_S = 15 * 60.0
"""Seconds without a line after which a writer that cannot be asked counts as gone."""


def is_alive(path: Path) -> bool:
    """Whether the writer of the segment at `path` lives.

    It holds an exclusive lock. Probing with a shared one does not shut out another prober, and never blocks. Where
    the lock says nothing, on another machine's file or after a boot, silence decides.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not _is_from_here(file, path):
            return time.time() - os.fstat(file).st_mtime < SILENCE_S
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return time.time() - os.fstat(file).st_mtime < SILENCE_S
        return False
    finally:
        os.close(file)


def _is_from_here(file: int, path: Path) -> bool:
    line = os.read(file, 65536).partition(b"\n")[0]
    try:
        header = read_header(line, str(path))
    except JournalError:
        return True
    return bool(header.get("host") == socket.gethostname() and header.get("boot") == boot_id())
