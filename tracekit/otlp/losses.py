"""What could not be exported, kept beside the journals so that `tracekit doctor`, another process, can tell."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.origin import pass_on
from tracekit.otlp.outbox import Loss
from tracekit.system_clock import wall_ns

__all__ = ["Lost", "lost_since", "note_loss"]

_FILE = "otlp-lost.jsonl"
_MOST_BYTES = 64_000


class Lost(NamedTuple):
    """Spans that were lost in `processes` processes, the last of them at `at_ns`, sending to `endpoint`."""

    spans: int
    processes: int
    at_ns: int
    endpoint: str
    reason: str


def note_loss(folder: Path, endpoint: str, loss: Loss) -> None:
    """Add a line for a process that lost spans. A disk that does not take it is no concern of the program's."""
    line = {"t": wall_ns(), "pid": os.getpid(), "endpoint": endpoint, **loss._asdict()}
    path = folder / _FILE
    try:
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            mode |= os.O_TRUNC
        file = os.open(path, mode, 0o600)
        try:
            os.write(file, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        pass_on(error)
        return


def lost_since(folder: Path, since_ns: int) -> Lost | None:
    """What was lost since `since_ns`, nanoseconds since the epoch; None if nothing was."""
    try:
        lines = (folder / _FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [each for line in lines if (each := _read(line)) is not None and each["t"] >= since_ns]
    if not found:
        return None
    last = max(found, key=lambda each: each["t"])
    return Lost(sum(each["lost"] for each in found), len(found), last["t"], last["endpoint"], last["reason"])


def _read(line: str) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    wanted = {"t": int, "lost": int, "endpoint": str, "reason": str}
    if isinstance(data, dict) and all(isinstance(data.get(name), kind) for name, kind in wanted.items()):
        return data
    return None
