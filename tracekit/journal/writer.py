"""Writes journals: one segment per run and process, one `write(2)` per line.

A line is on its way to the disk before the call that it tells of returns to the user's code, so it survives the
process (not a power cut). A lock on the file says that the writer lives; it goes with the process, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import sys
import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

from tracekit.errors import HomeError
from tracekit.journal.encode import Encoder
from tracekit.journal.home import make_home
from tracekit.journal.process import boot_id, process_start
from tracekit.journal.redact import RULE_NAMES, redact
from tracekit.model.events import Event, Exit
from tracekit.model.run import RunInfo

__all__ = ["FORMAT_VERSION", "JournalSink", "SegmentWriter", "file_host"]

FORMAT_VERSION = 1

_log = logging.getLogger("tracekit")
_MOST_IDLE = 256


class JournalSink:
    """Keeps a segment for each run that this process takes part in."""

    def __init__(self, versions: dict[str, str] | None = None) -> None:
        self._versions = versions or {}
        self._segments: OrderedDict[str, SegmentWriter] = OrderedDict()
        self._lock = threading.RLock()

    def write(self, run: RunInfo, event: Event) -> None:
        """Append `event` to the run's segment."""
        segment = self._segments.get(run.id)
        if segment is None:
            with self._lock:
                segment = self._segments.get(run.id)
                if segment is None:
                    segment = self._segments[run.id] = SegmentWriter(run, self._versions)
                    self._forget_idle()
        segment.write(event)

    def release(self, run: RunInfo) -> None:
        """Close the run's segment; a later event reopens it."""
        segment = self._segments.get(run.id)
        if segment is not None:
            segment.close()

    def forked(self) -> None:
        """Let go of the parent's segments, without a word into them."""
        for segment in self._segments.values():
            segment.abandon()
        self._segments = OrderedDict()
        self._lock = threading.RLock()

    def exit(self, at_ns: int) -> None:
        """Say in every segment that is open that the process ends in good order."""
        for segment in list(self._segments.values()):
            if segment.is_open:
                segment.write(Exit(at_ns))
                segment.close()

    def _forget_idle(self) -> None:
        """Bound what is remembered of runs that are over, as in a server that starts one a request."""
        idle = [key for key, segment in self._segments.items() if not segment.is_open]
        for key in idle[: max(0, len(self._segments) - _MOST_IDLE)]:
            del self._segments[key]


class SegmentWriter:
    """Appends to one segment. After a failure of the disk it warns once and is silent for the rest of the run."""

    def __init__(self, run: RunInfo, versions: dict[str, str]) -> None:
        self._run = run
        self._versions = versions
        self._encoder = Encoder()
        self._path: Path | None = None
        self._file = -1
        self._failed = False
        self._busy = False
        self._lock = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Whether the file is held, and locked."""
        return self._file >= 0

    def write(self, event: Event) -> None:
        """Append the lines for `event`."""
        if self._failed:
            return
        lines = [redact(line).encode("utf-8", "backslashreplace") + b"\n" for line in self._encoder.lines(event)]
        with self._lock:
            self._busy = True
            try:
                if self._file < 0:
                    self._open()
                for line in lines:
                    if os.write(self._file, line) < len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except (OSError, HomeError) as error:
                self._fail(error)
            finally:
                self._busy = False

    def close(self) -> None:
        """Release the file and its lock. Not in the middle of a write, into which a finaliser may break."""
        with self._lock:
            if not self._busy:
                self.abandon()

    def abandon(self) -> None:
        """Close the descriptor; the lock stays with whoever else has the file open."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        if self._path is not None:
            self._file = os.open(self._path, flags)
            self._take_lock()
            return
        folder = make_home() / "runs" / datetime.now(UTC).strftime("%Y-%m-%d")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{self._run.id}.{file_host()}.{os.getpid()}"
        for number in range(1000):
            path = folder / (f"{name}-{number}.jsonl" if number else f"{name}.jsonl")
            try:
                # Another process of this pid, in another container or before a restart, may have taken part.
                self._file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            self._path = path
            self._take_lock()
            os.write(self._file, self._header().encode("utf-8", "backslashreplace") + b"\n")
            return
        raise OSError(errno.EEXIST, f"no free name for a segment like {name}")

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # A file system without locks, or a looker's probe at this very moment: readers then go by silence.
            time.sleep(0.002)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return

    def _header(self) -> str:
        run = self._run
        root = run.root
        header = {
            "e": "header",
            "format": "tracekit-journal",
            "version": FORMAT_VERSION,
            "run": run.id,
            "name": run.name,
            "recorded_at_ns": run.recorded_at_ns,
            "root": {"id": root.id, "t": root.at_ns, "argv": list(root.argv)} if root else None,
            "host": socket.gethostname(),
            "boot": boot_id(),
            "pid": os.getpid(),
            "process_start": process_start(os.getpid()),
            "content": "full",
            "redaction": list(RULE_NAMES),
            "versions": {"python": ".".join(map(str, sys.version_info[:3])), **self._versions},
        }
        return redact(json.dumps(header, ensure_ascii=False, separators=(",", ":")))

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self.abandon()
        _log.warning(
            "tracekit: run %s is recorded no further: %s; your program goes on. What works: %s",
            self._run.id[:8],
            error,
            "free some space, or set TRACEKIT_HOME to a folder that you can write to",
        )


def file_host() -> str:
    """This machine's name, as far as it is fit for a file's name."""
    return "".join(c if c.isalnum() or c == "-" else "-" for c in socket.gethostname())[:40] or "host"
